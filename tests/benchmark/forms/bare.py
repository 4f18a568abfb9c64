# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two bare scripts share: the order they work on, a token's validation, and the files that they write."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

SCOPE = "https://api.security.microsoft.com/.default"
_AUDIENCES = ["https://api.security.microsoft.com", "8ee8fdad-f234-4243-8f3b-15c294843740"]
_ROLE = "Incident.Read.All"


@dataclass(frozen=True)
class Order:
    """What one process is to do, as the file that its command line names says."""

    customers: list[dict[str, str]]
    client_id: str
    client_secret: str
    url: str
    ca_path: str
    dest: Path
    cache: Path
    concurrency: int

    @classmethod
    def given(cls) -> Order:
        content = json.loads(Path(sys.argv[1]).read_text())
        return cls(
            content["customers"],
            content["client_id"],
            os.environ["AZURE_CLIENT_SECRET"],
            content["url"],
            content["ca_path"],
            Path(content["dest"]),
            Path(content["cache"]),
            content["concurrency"],
        )

    def metadata_url(self) -> str:
        # the Defender XDR API takes tokens of version 1, whichever endpoint issued them
        return f"{self.url}/common/.well-known/openid-configuration"

    def incidents_url(self) -> str:
        return f"{self.url}/api/incidents?$top=100"

    def write(self, customer: dict[str, str], incidents: list[dict[str, Any]]) -> None:
        """Write a customer's incidents as JSON Lines."""
        lines = "".join(json.dumps(incident, sort_keys=True) + "\n" for incident in incidents)
        (self.dest / f"{customer['name']}.jsonl").write_text(lines)


class Validator:
    """Tells whether a token is good, by the keys that the authority publishes."""

    def __init__(self, order: Order, metadata: dict[str, Any], key_set: dict[str, Any]) -> None:
        self._client_id = order.client_id
        self._issuer = metadata["issuer"]
        self._keys = {key.key_id: key.key for key in jwt.PyJWKSet.from_dict(key_set).keys}

    def check(self, token: str, tenant_id: str) -> None:
        """Raise where the token is not for this tenant, application and role, or not signed by the authority."""
        key = self._keys[jwt.get_unverified_header(token)["kid"]]
        issuer = self._issuer.replace("{tenantid}", tenant_id)
        claims = jwt.decode(token, key, algorithms=["RS256"], audience=_AUDIENCES, issuer=issuer)
        if claims["tid"] != tenant_id or claims["appid"] != self._client_id or _ROLE not in claims["roles"]:
            raise ValueError(f"the token for {tenant_id} is not what was asked for")
