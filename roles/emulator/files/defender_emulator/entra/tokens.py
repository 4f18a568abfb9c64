# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access tokens: made here, and checked here for the two APIs.

Sources: learn.microsoft.com, access-tokens and access-token-claims-reference.
"""

from __future__ import annotations

import hashlib
import json
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

from defender_emulator.entra.applications import Application
from defender_emulator.entra.resources import GRAPH, XDR, Resource
from defender_emulator.entra.service_principals import ServicePrincipal
from defender_emulator.entra.service_settings import ServiceSettings
from defender_emulator.entra.signing_keys import SigningKey, SigningKeys, encode
from defender_emulator.entra.tenants import Tenant
from defender_emulator.entra.unproven import peek
from defender_emulator.json_text import JsonObject

V1_ISSUER = "https://sts.windows.net/{tenantid}/"


@dataclass(frozen=True)
class AccessToken:
    """A signed token and its times, in seconds since 1970."""

    value: str
    not_before: int
    expires_on: int


@dataclass(frozen=True)
class TokenRequest:
    """What a granted request gets a token for. ``audience`` is the resource as the client wrote it."""

    tenant: Tenant
    principal: ServicePrincipal
    application: Application
    resource: Resource
    audience: str
    credential: str
    roles: list[str]


@dataclass(frozen=True)
class Claims:
    """What a good token says of who calls: in which tenant, by which application, as which service principal or user.

    ``roles`` are app roles, or the scopes that an administrator has by the application.
    """

    tenant_id: str
    client_id: str
    object_id: str
    roles: frozenset[str]


class TokenService:
    """Signs tokens and verifies them."""

    def __init__(self, base_url: str, keys: SigningKeys) -> None:
        self.v2_issuer = f"{base_url}/{{tenantid}}/v2.0"
        self._keys = keys

    def issue(
        self, request: TokenRequest, settings: ServiceSettings, skew: float = 0, key: SigningKey | None = None
    ) -> AccessToken:
        """A token for the request. ``skew`` shifts its times by seconds; ``key`` replaces the active signing key."""
        version = settings.token_version if request.resource is XDR else 1
        claims: dict[str, object] = {
            **(_v2_claims(request, self.v2_issuer) if version == 2 else _v1_claims(request)),
            "idtyp": "app",
            "oid": request.principal.object_id,
            "sub": request.principal.object_id,
            "tid": request.tenant.tenant_id,
        }
        if request.roles:
            claims["roles"] = request.roles
        with_nonce = request.resource is GRAPH
        return self.sign(claims, version, settings.token_lifetime, skew=skew, key=key, with_nonce=with_nonce)

    def sign(
        self,
        claims: Mapping[str, object],
        version: int,
        lifetime: int | None,
        *,
        skew: float = 0,
        key: SigningKey | None = None,
        with_nonce: bool = False,
    ) -> AccessToken:
        """A token with these claims and its times. A lifetime of None is 60 to 90 minutes."""
        now = int(time.time() + skew)
        # Entra ID draws the lifetime so that renewals spread; times start five minutes back for slow clocks.
        expires_on = now + (random.randint(3600, 5400) if lifetime is None else lifetime)
        timed: dict[str, object] = {
            **claims,
            "iat": now - 300,
            "nbf": now - 300,
            "exp": expires_on,
            "aio": secrets.token_urlsafe(24),
            "rh": f"0.{secrets.token_urlsafe(12)}",
            "uti": secrets.token_urlsafe(16),
        }
        return AccessToken(_sign(timed, key or self._keys.active, version, with_nonce), now - 300, expires_on)

    def verify(self, value: str, audiences: tuple[str, ...]) -> Claims:
        """The claims of a good token for one of ``audiences``.

        Raises:
            jwt.InvalidTokenError: the token is malformed, expired, for somebody else, or not signed by a published key.
        """
        header, _claims = peek(value)
        key = self._keys.find(header.get("kid", ""))
        if key is None:
            raise jwt.InvalidSignatureError("the signing key is not published")
        if isinstance(header.get("nonce"), str):
            _head, payload, signature = value.split(".")
            header["nonce"] = _hashed(header["nonce"])
            value = f"{_encode_json(header)}.{payload}.{signature}"
        required = ["exp", "nbf", "iss", "aud", "tid"]
        claims = jwt.decode(
            value, key.public_key, algorithms=["RS256"], audience=audiences, options={"require": required}
        )
        template = self.v2_issuer if claims.get("ver") == "2.0" else V1_ISSUER
        if claims["iss"] != template.replace("{tenantid}", claims["tid"]):
            raise jwt.InvalidIssuerError("the issuer is not the tenant's")
        client_id = claims.get("appid") or claims["azp"]
        return Claims(claims["tid"], client_id, claims["oid"], frozenset(_permissions(claims)))


def accepted_audiences(resource: Resource) -> tuple[str, ...]:
    """Every ``aud`` the API takes: its URIs with and without a trailing slash, and its GUID."""
    return (resource.app_id, *resource.audiences, *(f"{audience}/" for audience in resource.audiences))


def _permissions(claims: JsonObject) -> list[str]:
    """What the token allows. A scope allows what the person may do, which without a directory role is nothing."""
    if claims.get("idtyp") != "user":
        return list(claims.get("roles", []))
    return str(claims["scp"]).split() if claims.get("wids") else []


def _v1_claims(request: TokenRequest) -> dict[str, str]:
    issuer = V1_ISSUER.replace("{tenantid}", request.tenant.tenant_id)
    return {
        "aud": request.audience,
        "iss": issuer,
        "app_displayname": request.application.display_name,
        "appid": request.application.client_id,
        "appidacr": request.credential,
        "idp": issuer,
        "ver": "1.0",
    }


def _v2_claims(request: TokenRequest, issuer: str) -> dict[str, str]:
    return {
        "aud": request.resource.app_id,
        "iss": issuer.replace("{tenantid}", request.tenant.tenant_id),
        "azp": request.application.client_id,
        "azpacr": request.credential,
        "ver": "2.0",
    }


def _sign(claims: dict[str, object], key: SigningKey, version: int, with_nonce: bool) -> str:
    headers = {"kid": key.kid}
    if version == 1:
        headers["x5t"] = key.kid
    if not with_nonce:
        return jwt.encode(claims, key.private_key, algorithm="RS256", headers=headers)
    # Graph signs over a hash of the nonce and hands out the nonce itself: only Graph can verify such a token.
    nonce = secrets.token_urlsafe(32)
    headers["nonce"] = _hashed(nonce)
    signed = jwt.encode(claims, key.private_key, algorithm="RS256", headers=headers, sort_headers=True)
    _head, payload, signature = signed.split(".")
    header = {**jwt.get_unverified_header(signed), "nonce": nonce}
    return f"{_encode_json(header)}.{payload}.{signature}"


def _hashed(nonce: str) -> str:
    return encode(hashlib.sha256(nonce.encode()).digest())


def _encode_json(header: JsonObject) -> str:
    return encode(json.dumps(header, separators=(",", ":"), sort_keys=True).encode())
