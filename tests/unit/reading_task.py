# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs an operation that reads records against scripted services."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from unit.operation_host import OperationHost
from unit.scripted_entra import CLIENT, OTHER_TENANT, TENANT, ScriptedEntra, token_path
from unit.scripted_server import ScriptedServer
from unit.scripted_tenant import ROLES

FLEET = [{"name": "contoso", "tenant_id": TENANT}, {"name": "fabrikam", "tenant_id": OTHER_TENANT}]


class ReadingTask:
    """One task after the other, each in a run of its own. `warnings` are those of the last."""

    def __init__(self, operation: ModuleType, entra: ScriptedEntra, api: str) -> None:
        self.server: ScriptedServer = entra.server
        self.server.has_no_more = True
        self.warnings: list[str] = []
        self._operation = operation
        for tenant in (TENANT, OTHER_TENANT):
            self.server.script(token_path(tenant), entra.granting(entra.token(tid=tenant, aud=api, roles=ROLES)))

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {
            "client_id": CLIENT,
            "client_secret": "canary-secret",
            "authority_url": self.server.url,
            "xdr_url": self.server.url,
            "graph_url": self.server.url,
            "ca_path": self.server.ca_path,
            "retries": 0,
            **({} if "tenants" in options else {"tenant_id": TENANT}),
            **options,
        }
        host = OperationHost(self._operation, check_mode, **given)
        self.warnings = host.warnings
        result: dict[str, Any] = self._operation.run(host)
        return result

    def asked(self, path: str) -> list[dict[str, str]]:
        """The query of every request to the path, but for those that ask what lies behind a page."""
        return [request.query for request in self.server.requests_to(path) if "$skip" not in request.query]
