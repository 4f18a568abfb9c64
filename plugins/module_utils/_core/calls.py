# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the Defender XDR API and of Microsoft Graph security in one tenant: token, roles, pace, refusals."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import errors, retirement
from .errors import Reason, RefusedRequest, TenantError
from .identity import refusals
from .identity.access import Access, Proof
from .wire.http import Patience, Reply, Transport
from .wire.links import NextLinks
from .wire.pacing import Pace, Quota


@dataclass(frozen=True)
class Call:
    """A kind of call: what it is for in words that a refusal can use, the roles of which one suffices, its quota.

    `on_record` says that its path names a record, whose absence says nothing of the endpoint. `seconds` is how long the
    service may work on it, where that can be longer than the transport waits for others.
    """

    purpose: str
    roles: tuple[str, ...]
    quota: Quota
    on_record: bool = False
    seconds: float = 0


class Calls:
    """Calls one API for one tenant. Methods raise Postponed, and TenantError for every refusal.

    A refused request (HTTP 400) is a RefusedRequest. `retires` says that Microsoft ends this API (see `retirement`).
    """

    def __init__(
        self,
        base_url: str,
        access: Access,
        transport: Transport,
        patience: Patience,
        pace: Pace | None = None,
        retires: bool = False,
    ) -> None:
        self._base_url = base_url
        self._access = access
        self._transport = transport
        self.patience = patience
        self._pace = pace
        self._retires = retires
        self._proof: Proof | None = None
        self._renewed = False

    def get(
        self,
        where: str,
        call: Call,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> Reply:
        """Return the reply to a GET of a path or of a checked link: a 2xx, or a status in `accept`."""
        return self._send("GET", where, call, accept, headers=headers, params=params)

    def write(
        self,
        method: str,
        where: str,
        call: Call,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> Reply:
        """Send a JSON body by PATCH or POST and return the reply: a 2xx, or a status in `accept`.

        After Postponed nobody knows whether it took effect: read again before it is sent again.
        """
        headers = {**(headers or {}), "Content-Type": "application/json"}
        return self._send(method, where, call, accept, headers=headers, data=json.dumps(body).encode())

    def links(self) -> NextLinks:
        """Return a judge of the links by which the API names next pages."""
        return NextLinks(self._base_url, urlsplit(self._access.resource).hostname)

    def _send(self, method: str, where: str, call: Call, accept: tuple[int, ...], **request: Any) -> Reply:
        url = where if "://" in where else f"{self._base_url}{where}"
        reply = self._authorised(call, lambda token: self._paced(method, url, call, token, request))
        try:
            reply.check_origin()
        except TenantError as error:
            raise TenantError(self._ending(error.reason, None, call)) from None
        if 200 <= reply.status < 300 or reply.status in accept:
            return reply
        reason = self._refusal(reply, call)
        raise RefusedRequest(reason) if reply.status == 400 else TenantError(reason)

    def _authorised(self, call: Call, send: Callable[[str], Reply]) -> Reply:
        if self._proof is None:
            self._proof = self._access.prove()
        self._check_roles(self._proof, call)
        reply = send(self._proof.token.value)
        if reply.status == 401 and not self._renewed:
            # a kept token may have been withdrawn, or have run out in the middle of a long task
            self._renewed = True
            self._proof = None
            self._proof = self._access.renew()
            return self._authorised(call, send)
        if reply.status == 401:
            self._access.forget()
        else:
            self._renewed = False
        return reply

    def _paced(self, method: str, url: str, call: Call, token: str, request: dict[str, Any]) -> Reply:
        if self._pace:
            seconds = self._pace.take(self._access.tenant_id, call.quota)
            if seconds:
                raise self.patience.pace(seconds, call.quota, urlsplit(url).netloc)
        try:
            return self._transport.send(method, url, self.patience, token=token, seconds=call.seconds, **request)
        except TenantError as error:
            status = 429 if error.reason.state == errors.THROTTLED else None
            raise TenantError(self._ending(error.reason, status, call), error.details) from None

    def _refusal(self, reply: Reply, call: Call) -> Reason:
        roles = self._proof.claims.roles if self._proof and self._proof.claims else None
        reason = refusals.of_api(reply.status, reply.json_or_none(), roles, list(call.roles))
        return self._ending(reason, reply.status, call)

    def _ending(self, reason: Reason, status: int | None, call: Call) -> Reason:
        if not self._retires:
            return reason
        return retirement.explained(reason, None if call.on_record and status == 404 else status, time.time())

    def _check_roles(self, proof: Proof, call: Call) -> None:
        if proof.claims and not set(proof.claims.roles) & set(call.roles):
            raise TenantError(refusals.of_api(403, None, proof.claims.roles, list(call.roles)))
