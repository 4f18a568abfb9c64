# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph in one tenant, for work that is a sequence of steps: every call waits where it stands.

It waits for throttling, for failures that pass, and for objects that Microsoft's directory does not know everywhere
yet. Sources: learn.microsoft.com, "Microsoft Graph throttling guidance" and "Error responses"; public reports of the
lag after a creation (404, or 400 with NoBackingApplicationObject).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from . import errors
from .errors import Reason, TenantError
from .fleet import wait_out
from .identity import refusals
from .identity.access import Access, Proof
from .wire.http import Patience, Reply, Transport
from .wire.links import NextLinks

_VERSION = "/v1.0/"
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class Call:
    """What a request is for, in words that a refusal can use ("add a secret"), and the permission it needs at least."""

    purpose: str
    role: str


class Graph:
    """Calls Graph as `caller` (a client id), whose access to the tenant is `access`.

    `settle_seconds` is how long one call waits for what was written before to be known. Methods raise TenantError.
    """

    def __init__(
        self,
        base_url: str,
        transport: Transport,
        access: Access,
        patience: Patience,
        caller: str,
        settle_seconds: float,
    ) -> None:
        self._base_url = base_url
        self._transport = transport
        self._access = access
        self._patience = patience
        self._caller = caller
        self._settle_seconds = settle_seconds
        self._token: str | None = None

    def read(self, path: str, call: Call, settle: bool = False) -> dict[str, Any] | None:
        """Return an object, or None where there is none; with `settle` only after waiting for it."""
        reply = self.send("GET", path, call, accept=(404,), settle=settle)
        return None if reply.status == 404 else reply.json()

    def pages(self, path: str, call: Call, settle: bool = True) -> Iterator[dict[str, Any]]:
        """Yield the members of a collection, page by page; with `settle` it belongs to an object known to exist."""
        links = NextLinks(self._base_url, urlsplit(self._access.resource).hostname)
        following: str | None = path
        sent, counted = 0, 0
        while following:
            page = self.send("GET", following, call, settle=settle).json()
            members, count = page.get("value"), page.get("@odata.count")
            if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
                meaning = f"Microsoft Graph sent no list when asked to {call.purpose}"
                raise TenantError(Reason(errors.ERROR, meaning, "check graph_url"))
            yield from members
            sent += len(members)
            counted = max(counted, count) if isinstance(count, int) else counted
            link = page.get("@odata.nextLink")
            following = links.checked(str(link), brought_news=bool(members)) if link else None
        if sent < counted:
            meaning = f"Microsoft Graph counts {counted} and sent {sent} when asked to {call.purpose}"
            raise TenantError(Reason(errors.ERROR, meaning, "run again later"))

    def send(
        self,
        method: str,
        path: str,
        call: Call,
        body: Mapping[str, Any] | None = None,
        *,
        prefer: str | None = None,
        accept: tuple[int, ...] = (),
        settle: bool = True,
    ) -> Reply:
        """Send a request, again where its reply was lost, and return the reply: a 2xx, or a status in `accept`.

        `settle`: the objects it names are known to exist, so that their absence is lag and worth waiting for.
        """
        # a page's link to the next one is whole already
        url = path if "://" in path else f"{self._base_url}{_VERSION}{path}"
        deadline = time.monotonic() + self._settle_seconds
        pause = _FIRST_PAUSE
        while True:
            reply = wait_out(lambda: self._once(method, url, body, prefer))
            reply.check_origin()
            passing = _collides(reply) or (settle and _lags(reply))
            if not passing or time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)
        if 200 <= reply.status < 300 or reply.status in accept:
            return reply
        if passing:
            raise TenantError(_never_settled(call, self._settle_seconds))
        raise self.refused(reply, call)

    def refused(self, reply: Reply, call: Call) -> TenantError:
        """Return the error that a reply amounts to."""
        return TenantError(
            refusals.of_directory(reply.status, reply.json_or_none(), call.purpose, call.role, self._caller)
        )

    def _once(self, method: str, url: str, body: Mapping[str, Any] | None, prefer: str | None) -> Reply:
        headers = {} if body is None else {"Content-Type": "application/json"}
        if prefer:
            headers["Prefer"] = prefer
        data = None if body is None else json.dumps(body).encode()

        def request(token: str) -> Reply:
            return self._transport.send(method, url, self._patience, token=token, headers=headers, data=data)

        if self._token is None:
            self._token = self._acquire(self._access.prove)
        reply = request(self._token)
        if reply.status == 401:
            # a kept token may have been withdrawn, or have run out in the middle of a long task
            self._token = self._acquire(self._access.renew)
            reply = request(self._token)
        return reply

    def _acquire(self, prove: Callable[[], Proof]) -> str:
        try:
            return prove().token.value
        except TenantError as error:
            reason = replace(error.reason, meaning=f"{self._caller} got no token: {error.reason.meaning}")
            if reason.acts == errors.CUSTOMER_ADMIN:
                # at home nobody is a customer
                remedy = "check that client_id is an application of this tenant"
                reason = replace(reason, remedy=remedy, who=errors.PROVIDER)
            raise TenantError(reason) from None


def _never_settled(call: Call, seconds: float) -> Reason:
    meaning = f"Microsoft's directory was not ready to {call.purpose} after {seconds:g} s of waiting"
    return Reason(errors.ERROR, meaning, "run again later, or raise settle_wait")


def _lags(reply: Reply) -> bool:
    """Tell whether the reply may only mean that an object is not known everywhere yet."""
    if reply.status == 404:
        return True
    details = refusals.error_of(reply.json_or_none()).get("details") if reply.status == 400 else None
    return isinstance(details, list) and any(
        isinstance(detail, dict) and detail.get("code") == "NoBackingApplicationObject" for detail in details
    )


def _collides(reply: Reply) -> bool:
    """Tell whether two writers met, and the same request may succeed a moment later."""
    body = reply.json_or_none() if reply.status == 409 else None
    return refusals.error_of(body).get("code") == "Directory_ConcurrencyViolation"
