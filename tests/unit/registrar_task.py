# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a task of the registrar in its home tenant, against the scripted Entra ID and Graph."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from unit.operation_host import OperationHost
from unit.scripted_entra import CLIENT, TENANT, ScriptedEntra, token_path
from unit.scripted_graph import UNIQUE_NAME, graph_token
from unit.scripted_server import Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.vars_file import Vault

CANARY = "canary-secret"


class RegistrarTask:
    """One task's options, given again and again; `defaults` are what each run of it has in common."""

    def __init__(self, operation: ModuleType, entra: ScriptedEntra, **defaults: Any) -> None:
        self.entra = entra
        self.server = entra.server
        self.warnings: list[str] = []
        self._operation = operation
        self._defaults = {
            "client_id": CLIENT,
            "client_secret": CANARY,
            "tenant_id": TENANT,
            "unique_name": UNIQUE_NAME,
            "authority_url": entra.server.url,
            "graph_url": entra.server.url,
            "ca_path": entra.server.ca_path,
            "retries": 0,
            **defaults,
        }
        self.tokens()

    def __call__(self, check_mode: bool = False, vault: Vault | None = None, **options: Any) -> dict[str, Any]:
        host = OperationHost(self._operation, check_mode, vault=vault, **{**self._defaults, **options})
        result: dict[str, Any] = self._operation.run(host)
        self.warnings = host.warnings
        return result

    def refusal(self, **options: Any) -> str:
        """Return the sentence for options that cannot work."""
        with pytest.raises(OptionError) as refused:
            self(**options)
        assert "canary" not in str(refused.value)
        return str(refused.value)

    def tokens(self, *answers: Answer) -> None:
        """Script the token endpoint: the registrar gets its token first, then these answers, then tokens for all."""
        good = self.entra.granting(graph_token(self.entra))
        self.server.script(token_path(), good, *answers, *([good] if not answers else []))

    def written(self) -> list[tuple[str, str]]:
        """Return method and path of every request that Graph was to change something with."""
        return [
            (request.method, request.path)
            for request in self.server.requests
            if request.method != "GET" and request.path != token_path()
        ]

    def body(self, method: str, path: str) -> Any:
        """Return what the only request of this kind carried."""
        (request,) = self.server.requests_to(path, method)
        return request.json
