# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the Defender XDR API and of Microsoft Graph security in one tenant: token, roles, pace, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import errors, retirement
from .endpoint import Endpoint, NoToken, Request
from .errors import Reason, RefusedRequest, TenantError
from .identity import refusals
from .identity.access import Access
from .waiting import clock
from .wire.http import Reply, Transport
from .wire.links import NextLinks
from .wire.pacing import Pace, Quota
from .wire.patience import Patience


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
        self._endpoint = Endpoint(base_url, access, transport, patience)
        self._host = urlsplit(base_url).netloc
        self._access = access
        self._tenant_id = access.tenant_id
        self._patience = patience
        self._pace = pace
        self._retires = retires

    def get(
        self,
        where: str,
        call: Call,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> Reply:
        """Return the reply to a GET of a path or of a checked link: a 2xx, or a status in `accept`."""
        return self._send(Request("GET", where, None, params, headers or {}, call.seconds), call, accept)

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
        return self._send(Request(method, where, body, None, headers or {}, call.seconds), call, accept)

    def tenant_guid(self) -> str:
        """Return the tenant's GUID, which a token takes as well."""
        return self._access.guid()

    def links(self) -> NextLinks:
        """Return a judge of the links by which the API names next pages."""
        return self._endpoint.links()

    def _send(self, request: Request, call: Call, accept: tuple[int, ...]) -> Reply:
        self._check_roles(call)
        self._keep_pace(call)
        try:
            reply = self._endpoint.send(request)
        except NoToken:
            raise
        except TenantError as error:
            status = 429 if error.reason.state == errors.THROTTLED else None
            raise TenantError(self._explained(error.reason, status, call), error.details) from None
        if 200 <= reply.status < 300 or reply.status in accept:
            return reply
        roles = self._roles()
        refusal = refusals.of_api(reply.status, reply.json_or_none(), roles, list(call.roles))
        reason = self._explained(refusal, reply.status, call)
        raise RefusedRequest(reason) if reply.status == 400 else TenantError(reason)

    def _check_roles(self, call: Call) -> None:
        roles = self._roles()
        if roles is not None and not set(roles) & set(call.roles):
            raise TenantError(refusals.of_api(403, None, roles, list(call.roles)))

    def _keep_pace(self, call: Call) -> None:
        if self._pace is None:
            return
        if seconds := self._pace.take(self._tenant_id, call.quota):
            raise self._patience.pace(seconds, call.quota, self._host)
        # at once: the process may be killed while it waits
        self._pace.save(self._tenant_id)

    def _roles(self) -> list[str] | None:
        """Return what the token allows, None where it cannot be read."""
        claims = self._endpoint.proof().claims
        return claims.roles if claims else None

    def _explained(self, reason: Reason, status: int | None, call: Call) -> Reason:
        if not self._retires:
            return reason
        return retirement.explained(reason, None if call.on_record and status == 404 else status, clock.time())
