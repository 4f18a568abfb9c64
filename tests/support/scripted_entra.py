# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entra ID played by a scripted server, and a customer's tenant whose APIs the test scripts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from support.scripted_server import Answer, Request, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core import clouds
from ansible_collections.mssp.defender.plugins.module_utils._core.calls import Calls
from ansible_collections.mssp.defender.plugins.module_utils._core.clouds import Cloud
from ansible_collections.mssp.defender.plugins.module_utils._core.endpoint import Endpoint
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.access import Access, Target
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import TokenCache
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.tokens import TokenSource
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import XDR_INCIDENTS, Dialect
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.listing import Listing
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.queries import Query
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.pacing import Pace
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

TENANT = "44444444-4444-4444-8444-444444444444"
OTHER_TENANT = "55555555-5555-4555-8555-555555555555"
CLIENT = "11111111-1111-4111-8111-111111111111"
RESOURCE = "https://api.security.microsoft.com"
METADATA = "/common/v2.0/.well-known/openid-configuration"
METADATA_V1 = "/common/.well-known/openid-configuration"
KEYS = "/common/discovery/v2.0/keys"
KEYS_V1 = "/common/discovery/keys"


def token_path(tenant: str = TENANT, version: str = "v2") -> str:
    return f"/{tenant}/oauth2/{'v2.0/' if version == 'v2' else ''}token"


def refusal(code: int, error: str = "invalid_client", status: int = 401) -> Answer:
    """Return a refusal in the shape of the token endpoint's error body."""
    body = {
        "error": error,
        "error_description": f"AADSTS{code}: a text that nobody should parse.\r\nTrace ID: trace-1",
        "error_codes": [code],
        "trace_id": "trace-1",
        "correlation_id": "correlation-1",
    }
    return Answer(body, status)


class ScriptedEntra:
    """Publishes the metadata and the key `first` at the server; tests script the token endpoint themselves."""

    def __init__(self, server: ScriptedServer, private_key: rsa.RSAPrivateKey) -> None:
        self.server = server
        self.private_key = private_key
        self.issuers = {"v1": f"{server.url}/sts/{{tenantid}}/", "v2": f"{server.url}/{{tenantid}}/v2.0"}
        for version, metadata, keys in (("v1", METADATA_V1, KEYS_V1), ("v2", METADATA, KEYS)):
            server.script(metadata, Answer(self._metadata("common", version, keys)))
            server.script(keys, Answer({"keys": [self.public_key("first")]}))

    def publish_domain(self, domain: str, tenant: str = TENANT) -> str:
        """Publish the metadata of a tenant's domain, and return where."""
        path = f"/{domain}/v2.0/.well-known/openid-configuration"
        self.server.script(path, Answer(self._metadata(tenant, "v2", KEYS)))
        return path

    def cloud(self) -> Cloud:
        return clouds.select("worldwide", self.server.url, self.server.url, self.server.url)

    def public_key(self, key_id: str, **members: str) -> dict[str, Any]:
        """Return the key as the authority publishes it, under the name `key_id`."""
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True)
        return {**jwk, "kid": key_id, "use": "sig", **members}

    def token(self, key_id: str = "first", headers: dict[str, str] | None = None, **changes: Any) -> str:
        """Return a signed v2 token of TENANT for RESOURCE with the role that reads incidents, but for `changes`."""
        now = int(time.time())
        tenant = changes.get("tid", TENANT)
        claims = {
            "tid": tenant,
            "azp": CLIENT,
            "aud": RESOURCE,
            "iss": self.issuers["v2"].replace("{tenantid}", tenant),
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "roles": ["Incident.Read.All"],
            "ver": "2.0",
            **changes,
        }
        return jwt.encode(claims, self.private_key, algorithm="RS256", headers={"kid": key_id, **(headers or {})})

    @staticmethod
    def granting(token: str) -> Answer:
        """Return the token endpoint's answer that hands out this token."""
        return Answer({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token})

    def _metadata(self, tenant: str, version: str, keys: str) -> dict[str, str]:
        return {
            "issuer": self.issuers[version],
            "authorization_endpoint": f"{self.server.url}/{tenant}/oauth2/authorize",
            "token_endpoint": self.server.url + token_path(tenant, version),
            "jwks_uri": self.server.url + keys,
        }


ROLES = ["Incident.ReadWrite.All", "SecurityIncident.Read.All", "SecurityAlert.Read.All"]


class ScriptedTenant:
    """Its tokens carry `ROLES`, until `grant` says otherwise."""

    def __init__(self, entra: ScriptedEntra, transport: Transport, folder: Path) -> None:
        credential = ClientSecret("secret")
        authority = Authority(entra.cloud(), Documents(transport))
        self.entra = entra
        self.server = entra.server
        self.source = TokenSource(CLIENT, credential, authority, transport, TokenCache(folder, credential.cipher()))
        self._transport = transport
        self.grant(*ROLES)

    def grant(self, *roles: str) -> None:
        self.server.script(token_path(), self.entra.granting(self.entra.token(roles=list(roles))))

    def calls(self, patience: Patience | None = None, pace: Pace | None = None, retires: bool = False) -> Calls:
        """Return calls that repeat nothing and wait for nothing, unless there is patience."""
        patience = patience or Patience(0, 0)
        return Calls(self.server.url, self._access(patience), self._transport, patience, pace, retires)

    def endpoint(self) -> Endpoint:
        patience = Patience(0, 0)
        return Endpoint(self.server.url, self._access(patience), self._transport, patience)

    def listing(
        self, dialect: Dialect = XDR_INCIDENTS, query: Query | None = None, patience: Patience | None = None
    ) -> Listing:
        return Listing(self.calls(patience), dialect, query or Query())

    def asked(self, path: str = XDR_INCIDENTS.path) -> list[Request]:
        return self.server.requests_to(path)

    def _access(self, patience: Patience) -> Access:
        return Access(self.source, TENANT, Target(RESOURCE), [], patience)
