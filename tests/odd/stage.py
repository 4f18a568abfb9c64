# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTPS server that plays Microsoft: honest to most tenants, and odd to each of the others in a way of its own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from odd.answers import api_error, in_json
from support.scripted_server import Answer, Pieces, Request, ScriptedServer

CLIENT = "11111111-1111-4111-8111-111111111111"
SECRET = "canary~secret-that-must-not-show"
XDR = "https://api.security.microsoft.com"
GRAPH = "https://graph.microsoft.com"
ROLES = ["Incident.Read.All", "SecurityIncident.Read.All", "SecurityAlert.Read.All"]
HONEST = 3
"""How many incidents every tenant has."""

_LISTS = {"/api/incidents": "xdr", "/v1.0/security/incidents": "graph"}
_FIELDS = {
    "xdr": ("incidentId", "lastUpdateTime", "createdTime"),
    "graph": ("id", "lastUpdateDateTime", "createdDateTime"),
}
_BOUND = re.compile(r"lastUpdate\w+ (ge|lt) ([-\dT:.]+)")


@dataclass(frozen=True)
class Ask:
    """One request in the name of a tenant: which API (None for the token endpoint), what for, and the stage it came to.

    `record` is the id of the one record asked for, None for a list.
    """

    stage: Stage
    tenant_id: str
    api: str | None
    query: dict[str, str]
    record: str | None = None

    @property
    def resource(self) -> str:
        """The API that a token is asked for."""
        return GRAPH if GRAPH in self.query.get("scope", "") else XDR

    def incident(self, number: int, **members: Any) -> dict[str, Any]:
        """Return an incident as the API writes it."""
        identity, updated, created = _FIELDS[self.api or "xdr"]
        return {
            identity: number if self.api == "xdr" else str(number),
            updated: f"2026-11-0{number % 9 + 1}T08:00:00Z",
            created: "2026-11-01T08:00:00Z",
            "status": "Active" if self.api == "xdr" else "active",
            "severity": "High" if self.api == "xdr" else "high",
            "alerts": [],
            **members,
        }

    @property
    def id_field(self) -> str:
        return _FIELDS[self.api or "xdr"][0]

    @property
    def updated_field(self) -> str:
        return _FIELDS[self.api or "xdr"][1]

    def matching(self, incidents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of the incidents that the request's window holds; one whose time is odd is in every window."""
        bounds = _BOUND.findall(self.query.get("$filter", ""))
        return [one for one in incidents if all(_meets(one.get(self.updated_field), *bound) for bound in bounds)]

    def page(self, incidents: list[dict[str, Any]], **members: Any) -> list[bytes]:
        """Return a page of those that are matching, behind $skip, no more than $top."""
        skip, top = int(self.query.get("$skip", 0)), int(self.query.get("$top", 100))
        return in_json({"value": self.matching(incidents)[skip : skip + top], **members})

    def honest(self) -> list[dict[str, Any]]:
        return [self.incident(number) for number in range(1, HONEST + 1)]


def _meets(time_of_update: Any, operator: str, bound: str) -> bool:
    if not isinstance(time_of_update, str) or not re.match(r"\d{4}-\d\d-\d\dT", time_of_update):
        return True
    # both are written with the same number of digits up to the second, which is all that these tests need
    return time_of_update[:19] >= bound[:19] if operator == "ge" else time_of_update[:19] < bound[:19]


Oddly = Callable[[Ask], Pieces]


class Stage(ScriptedServer):
    """Answers the requests for a tenant in `odd` (by tenant id, and by what is asked for) oddly, all others as told."""

    def __init__(self, ca_path: str, certificate_path: str) -> None:
        super().__init__(ca_path, certificate_path)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.rogue_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.odd_tokens: dict[str, Oddly] = {}
        self.odd_calls: dict[str, Oddly] = {}
        self.odd_metadata: dict[str, Oddly] = {}
        self.asked_elsewhere: list[str] = []
        self._tenant_of: dict[str, str] = {}

    def claims(self, ask: Ask, **changes: Any) -> dict[str, Any]:
        """Return the claims of the token that is asked for; a change to ... takes one away."""
        now = int(time.time())
        claims = {
            "tid": ask.tenant_id,
            "azp": CLIENT,
            "aud": ask.resource,
            "iss": f"{self.url}/{ask.tenant_id}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "roles": ROLES,
            "ver": "2.0",
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not ...}

    def signed(self, claims: dict[str, Any], key: Any = None, algorithm: str = "RS256", **header: Any) -> str:
        return jwt.encode(claims, key or self.key, algorithm=algorithm, headers={"kid": "first", **header})

    def granting(self, ask: Ask, token: str, **members: Any) -> list[bytes]:
        """Hand out the token, and remember whose it is: what calls with it is that tenant."""
        self._tenant_of[token] = ask.tenant_id
        body = {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token, **members}
        return in_json({name: value for name, value in body.items() if value is not ...})

    def granted(self, ask: Ask, **members: Any) -> list[bytes]:
        """Grant the token that is asked for."""
        return self.granting(ask, self.signed(self.claims(ask)), **members)

    def next_answer(self, request: Request) -> Answer | Pieces:
        path, query = request.path, request.query
        first, _slash, rest = path.lstrip("/").partition("/")
        if rest.endswith(".well-known/openid-configuration"):
            ask = Ask(self, first, None, query)
            return self.odd_metadata[first](ask) if first in self.odd_metadata else self.metadata(first)
        if path == "/common/discovery/v2.0/keys":
            return self._keys()
        if rest == "oauth2/v2.0/token":
            return self.odd_tokens.get(first, self.granted)(Ask(self, first, None, request.form))
        base = next((known for known in _LISTS if path.startswith(known)), None)
        tenant = self._tenant_of.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if base is None or tenant is None:
            self.asked_elsewhere.append(path)
            return api_error(404 if tenant else 401, "NotFound", "There is nothing here.")
        ask = Ask(self, tenant, _LISTS[base], query, path.removeprefix(base).strip("/") or None)
        return self.odd_calls.get(tenant, lambda honest: honest.page(honest.honest()))(ask)

    def metadata(self, tenant: str) -> Pieces:
        return in_json(self.metadata_of(tenant))

    def metadata_of(self, tenant: str) -> dict[str, Any]:
        issued_for = "{tenantid}" if tenant == "common" else tenant
        return {
            "issuer": f"{self.url}/{issued_for}/v2.0",
            "authorization_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/token",
            "jwks_uri": f"{self.url}/common/discovery/v2.0/keys",
        }

    def _keys(self) -> Pieces:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        issuer = f"{self.url}/{{tenantid}}/v2.0"
        return in_json({"keys": [{**public, "kid": "first", "use": "sig", "issuer": issuer}]})
