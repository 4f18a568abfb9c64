# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App-only access tokens for any tenant, by the client credentials flow. MSAL speaks the protocol; this file gives it
our transport, the address from the shared metadata, and a cache that survives the task.

Source: learn.microsoft.com, "OAuth 2.0 client credentials flow on the Microsoft identity platform".
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import errors
from ..dependencies import oauth2cli
from ..errors import Reason, TenantError
from ..wire import throttling
from ..wire.http import Reply, Transport
from ..wire.patience import Patience, call_of
from . import claims, refusals
from .credentials import Credential
from .discovery import Authority
from .token_cache import Token, TokenCache
from .trial import Trial

# Entra ID counts requests that are the same over five minutes, and repeating them prolongs that
_LOOP = "AADSTS50196"
_LOOP_SECONDS = 300.0
# Source: learn.microsoft.com, "Continuous access evaluation": up to 28 hours, and no token lives longer
_LONGEST_LIFETIME = 28 * 3600


class Source(ABC):
    """Gets tokens and keeps them for later tasks, apart from those of another `owner`.

    `client_id` is the application that they are for; None where they act for whoever is signed in, by any program.
    """

    client_id: str | None = None

    def __init__(self, owner: str, authority: Authority, cache: TokenCache) -> None:
        self.authority = authority
        self._owner = owner
        self._cache = cache

    def cached(self, tenant_guid: str, resource: str, version: str) -> Token | None:
        """Return a kept token with at least five minutes left, or None."""
        return self._cache.get(self._key(tenant_guid, resource, version))

    def keep(self, tenant_guid: str, resource: str, version: str, token: Token) -> None:
        """Keep a token for later tasks. Only one that carries its roles is worth it."""
        self._cache.put(self._key(tenant_guid, resource, version), token)

    def forget(self, tenant_guid: str, resource: str, version: str) -> None:
        """Drop a kept token that an API refused."""
        self._cache.drop(self._key(tenant_guid, resource, version))

    @abstractmethod
    def acquire(self, tenant_guid: str, resource: str, version: str, patience: Patience) -> Token:
        """Return a new token for `resource` (a URI) in the tenant, from endpoint `version` (`v1` or `v2`).

        Raises TenantError with the refusal, or Postponed where the request should be repeated later.
        """

    def _key(self, tenant_guid: str, resource: str, version: str) -> tuple[str, ...]:
        return self.authority.url, tenant_guid, self._owner, resource, version


class TokenSource(Source):
    """Gets tokens for one application with one credential.

    With a `trial`, a credential that tenants refused for what it is is not sent to the others.
    """

    def __init__(
        self,
        client_id: str,
        credential: Credential,
        authority: Authority,
        transport: Transport,
        cache: TokenCache,
        trial: Trial | None = None,
    ) -> None:
        super().__init__(client_id, authority, cache)
        self.client_id: str = client_id
        self._credential = credential
        self._transport = transport
        self._trial = trial

    def acquire(self, tenant_guid: str, resource: str, version: str, patience: Patience) -> Token:
        def ask() -> Token:
            return self._ask(tenant_guid, resource, version, patience)

        return self._trial.acquire(tenant_guid, ask) if self._trial else ask()

    def _ask(self, tenant_guid: str, resource: str, version: str, patience: Patience) -> Token:
        endpoint = self.authority.metadata(tenant_guid, version, patience)["token_endpoint"]
        client = oauth2cli.Client(
            {"token_endpoint": endpoint},
            self.client_id,
            http_client=_HttpClient(self._transport, patience, resource, version),
            **self._credential.identifying(self.client_id, endpoint),
        )
        answer = client.obtain_token_for_client(scope=[f"{resource}/.default"])
        return issued(answer)


def issued(answer: Mapping[str, Any]) -> Token:
    """Return the token of an answer that `granted` made."""
    return Token(answer["access_token"], expiry(answer["access_token"], answer["expires_in"]))


def _lifetime(said: object) -> int:
    """Return the seconds that a token is said to live, 0 for what is no such number: as a text, v1 sends it too."""
    try:
        seconds = float(said) if isinstance(said, (str, int, float)) else 0.0
    except (ValueError, OverflowError):
        return 0
    return int(seconds) if 0 <= seconds <= _LONGEST_LIFETIME else 0


def expiry(token: str, lifetime: int) -> float:
    """Return when the token expires (seconds since 1970): after its lifetime, or as it says itself; else now."""
    now = time.time()
    if lifetime:
        return now + lifetime
    found = claims.read(token)
    return min(found.expires_at, now + _LONGEST_LIFETIME) if found else now


@dataclass(frozen=True)
class Response:
    """The part of an HTTP response that MSAL reads."""

    status_code: int
    text: str
    headers: dict[str, str]

    def raise_for_status(self) -> None:
        """Statuses above 499 never come this far: the transport has turned them into errors of ours."""


def granted(body: Mapping[str, Any]) -> Response:
    """Return the answer that grants a token. Raises TenantError where there is none.

    MSAL takes every member for what it should be, and stumbles over one that is not.
    """
    token = body.get("access_token")
    if not (isinstance(token, str) and token):
        raise TenantError(Reason(errors.ERROR, "the token endpoint sent no token", "check authority_url"))
    answer = {"token_type": "Bearer", "access_token": token, "expires_in": _lifetime(body.get("expires_in"))}
    return Response(200, json.dumps(answer), {})


class _HttpClient:
    """What MSAL calls instead of requests."""

    def __init__(self, transport: Transport, patience: Patience, resource: str, version: str) -> None:
        self._transport = transport
        self._patience = patience
        self._resource = resource
        self._version = version

    def post(self, url: str, data: dict[str, str], headers: dict[str, str], **_: object) -> Response:
        if self._version == "v1":
            data = {name: value for name, value in data.items() if name != "scope"} | {"resource": self._resource}
        reply = self._transport.send("POST", url, self._patience, data=data, headers=headers)
        reply.check_origin(of_tokens=True)
        body = reply.json()
        if reply.status >= 400:
            reason = refusals.of_token_endpoint(body)
            if not refusals.is_transient(body):
                raise TenantError(reason)
            raise self._later(call_of("POST", url), reply, reason)
        return granted(body)

    def _later(self, call: str, reply: Reply, reason: Reason) -> Exception:
        """Return what to raise after a refusal that passes: Postponed, or TenantError when patience ends."""
        if reason.state != errors.THROTTLED:
            return self._patience.after_failure(call, reason)
        seconds = throttling.retry_after(reply.headers, "")
        if seconds is None and reason.code == _LOOP:
            seconds = _LOOP_SECONDS
        return self._patience.after_throttling(call, reply.host, seconds, reason=reason)
