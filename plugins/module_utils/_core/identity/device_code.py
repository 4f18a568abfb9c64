# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens of somebody who signs in with a code, in a browser on any machine. MSAL speaks the protocol.

Source: learn.microsoft.com, "Microsoft identity platform and the OAuth 2.0 device authorization grant flow".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urljoin

from .. import waiting
from ..characters import plain
from ..dependencies import oauth2cli
from ..errors import TenantError
from ..wire.http import Transport
from ..wire.patience import Patience
from ..wire.records import JsonObject
from . import sign_in
from .discovery import Authority
from .token_cache import Token, TokenCache
from .tokens import Response, Source, granted, issued

NAME = "the sign-in with a code"

_AGAIN = "run this again, and sign in as an administrator of this tenant"
_PENDING = ("authorization_pending", "slow_down")
_EXPIRED = "expired_token"
_REFUSAL = ("error", "error_description", "error_codes", "error_uri", "trace_id", "correlation_id")
# for an answer that does not say
_INTERVAL, _LIFETIME = 5, 900


class DeviceCode(Source):
    """Gets tokens by the program `client_id`. `tell` shows a message to whoever is to sign in.

    `alone` keeps other tasks of the run from asking at the same time, so that the answer to one is enough for all.
    """

    def __init__(
        self,
        client_id: str,
        authority: Authority,
        transport: Transport,
        cache: TokenCache,
        tell: Callable[[str], None],
        alone: Callable[[], AbstractContextManager[None]],
    ) -> None:
        super().__init__(f"{NAME} {client_id}", authority, cache)
        self._program = client_id
        self._transport = transport
        self._tell = tell
        self._alone = alone

    def acquire(self, tenant_guid: str, resource: str, version: str, patience: Patience) -> Token:
        with self._alone():
            # of a task that asked meanwhile
            token = self.cached(tenant_guid, resource, version)
            if token is None:
                token = self._sign_in(tenant_guid, resource, patience)
                self.keep(tenant_guid, resource, version, token)
            return token

    def _sign_in(self, tenant_guid: str, resource: str, patience: Patience) -> Token:
        endpoint = self.authority.metadata(tenant_guid, "v2", patience)["token_endpoint"]
        client = oauth2cli.Client(
            {"token_endpoint": endpoint, "device_authorization_endpoint": urljoin(endpoint, "devicecode")},
            self._program,
            http_client=_HttpClient(self._transport, patience),
        )
        flow = client.initiate_device_flow(scope=[f"{resource}/{scope}" for scope in sign_in.SCOPES])
        if "user_code" not in flow:
            raise TenantError(sign_in.refused(flow, _AGAIN))
        span = _span(flow["expires_in"])
        self._tell(
            f"Sign in as an administrator of tenant {tenant_guid}: open {plain(flow['verification_uri'])} in a browser "
            f"and enter the code {plain(flow['user_code'])} within {span}."
        )
        token = _awaited(client, flow)
        if token is None:
            raise TenantError(sign_in.no_token(f"nobody entered the code within {span}", _AGAIN))
        sign_in.check(token.value, tenant_guid, _AGAIN)
        return token


def _span(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} seconds"


def _awaited(client: Any, flow: dict[str, Any]) -> Token | None:
    """Return the token as soon as somebody has signed in; None where nobody did before the code expired."""
    pauses = iter(lambda: float(flow["interval"]), None)
    for _try in waiting.tries(flow["expires_in"], pauses):
        # by it MSAL would warn of a clock that was turned
        flow.pop("latest_attempt_at", None)
        # what passes is waited out here: to begin anew would ask for another code
        answer = waiting.wait_out(client.obtain_token_by_device_flow, flow, exit_condition=lambda _flow: True)
        if "access_token" in answer:
            return issued(answer)
        if answer.get("error") == _EXPIRED:
            return None
        if answer.get("error") not in _PENDING:
            raise TenantError(sign_in.refused(answer, _AGAIN))
    return None


class _HttpClient:
    """What MSAL calls instead of requests. It looks itself at what a refusal says."""

    def __init__(self, transport: Transport, patience: Patience) -> None:
        self._transport = transport
        self._patience = patience

    def post(self, url: str, data: dict[str, str], headers: dict[str, str], **_: object) -> Response:
        reply = self._transport.send("POST", url, self._patience, data=data, headers=headers)
        reply.check_origin(of_tokens=True)
        body = reply.json()
        if reply.status >= 400:
            # no more than that, or MSAL could take it for something else
            return Response(reply.status, json.dumps({name: body.get(name) for name in _REFUSAL}), {})
        return _flow(body) if "device_code" in body else granted(body)


def _flow(body: JsonObject) -> Response:
    """Return the answer with a device code. Raises TenantError where it is none."""
    texts = {name: body.get(name) for name in ("device_code", "user_code", "verification_uri")}
    if not all(isinstance(text, str) and text for text in texts.values()):
        raise TenantError(sign_in.no_token("Entra ID sent no device code", "check authority_url"))
    times = {"expires_in": _seconds(body, "expires_in", _LIFETIME), "interval": _seconds(body, "interval", _INTERVAL)}
    return Response(200, json.dumps({**texts, **times}), {})


def _seconds(body: JsonObject, name: str, default: int) -> int:
    said = str(body.get(name, ""))
    return max(1, min(int(said), _LIFETIME)) if said.isascii() and said.isdigit() else default
