# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A customer tenant whose APIs answer as a test scripts them, and the calls that the code under test makes there."""

from __future__ import annotations

from pathlib import Path

from unit.scripted_entra import CLIENT, RESOURCE, TENANT, ScriptedEntra, token_path
from unit.scripted_server import Request

from ansible_collections.mssp.defender.plugins.module_utils._core.calls import Calls
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.access import Access, Target
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import TokenCache
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.tokens import TokenSource
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import XDR_INCIDENTS, Dialect
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.pages import Pages
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.queries import Query
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Patience, Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.pacing import Pace

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
        access = Access(self.source, TENANT, Target(RESOURCE), [], patience)
        return Calls(self.server.url, access, self._transport, patience, pace, retires)

    def pages(
        self, dialect: Dialect = XDR_INCIDENTS, query: Query | None = None, patience: Patience | None = None
    ) -> Pages:
        return Pages(self.calls(patience), dialect, query or Query())

    def asked(self, path: str = XDR_INCIDENTS.path) -> list[Request]:
        return self.server.requests_to(path)
