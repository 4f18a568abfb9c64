# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API in one tenant, as every call of it goes out: the token and its renewal, the address, JSON, next pages.

What differs stands on top: `calls` never waits, and knows roles, quotas and refusals of customers' tenants; `graph`
waits where it stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .errors import TenantError
from .identity.access import Access, Proof
from .wire.http import Reply, Transport
from .wire.links import NextLinks
from .wire.patience import Patience


class NoToken(TenantError):
    """There is no token for the tenant, so that the API was not asked."""


@dataclass(frozen=True)
class Request:
    """A request that is safe to repeat. `where` is a path, or a checked link to a next page.

    `body` is sent as JSON. `seconds` is how long the service may work on it, where that can be longer than the
    transport waits for others.
    """

    method: str
    where: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0


class Endpoint:
    """Sends requests to the API at `base_url`, with the tokens that `access` gets. Methods raise Postponed."""

    def __init__(self, base_url: str, access: Access, transport: Transport, patience: Patience) -> None:
        self._base_url = base_url
        self._access = access
        self._transport = transport
        self._patience = patience
        self._proof: Proof | None = None

    def proof(self) -> Proof:
        """Return what the token of the requests proves. Raises NoToken where there is none."""
        if self._proof is None:
            self._proof = _proven(self._access.prove)
        return self._proof

    def send(self, request: Request) -> Reply:
        """Send a request and return the reply: an answer of Microsoft's below 500 and other than 408 and 429.

        A token that is refused is renewed once; a second one is forgotten, so that no later task begins with it.
        Raises NoToken, and TenantError where no such reply came.
        """
        reply = self._send(request)
        if reply.status == 401:
            # a kept token may have been withdrawn, or have run out in the middle of a long task
            self._proof = _proven(self._access.renew)
            reply = self._send(request)
            if reply.status == 401:
                self._access.forget()
        reply.check_origin()
        return reply

    def links(self) -> NextLinks:
        """Return a judge of the links by which the API names next pages."""
        return NextLinks(self._base_url, urlsplit(self._access.resource).hostname)

    def _send(self, request: Request) -> Reply:
        is_whole = "://" in request.where
        of_body = {} if request.body is None else {"Content-Type": "application/json"}
        return self._transport.send(
            request.method,
            request.where if is_whole else f"{self._base_url}{request.where}",
            self._patience,
            token=self.proof().token.value,
            headers={**request.headers, **of_body},
            params=request.params,
            data=None if request.body is None else json.dumps(request.body).encode(),
            seconds=request.seconds,
        )


def _proven(prove: Callable[[], Proof]) -> Proof:
    try:
        return prove()
    except TenantError as error:
        raise NoToken(error.reason, error.details) from None
