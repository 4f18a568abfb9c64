# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation of each module, and how to run it in this very process, alone or through its front door."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from support.emulator import EmulatorProcess
from support.vaults import VAULT_PASSWORD, vault

from ansible_collections.mssp.defender.plugins.module_utils._core.vaults import Vault
from ansible_collections.mssp.defender.plugins.module_utils._front_door import perform
from ansible_collections.mssp.defender.plugins.module_utils._operations.operation import Operation, Options
from ansible_collections.mssp.defender.plugins.module_utils._operations.task_context import TaskContext
from ansible_collections.mssp.defender.plugins.plugin_utils._vault import RunVault

_PLUGINS = "ansible_collections.mssp.defender.plugins"
_MODULES = sorted((Path(__file__).resolve().parents[2] / "plugins" / "modules").glob("defender_*.py"))


def operation_of(module: str) -> Operation:
    """Return the operation of a module, by its name without the collection's."""
    operation: Operation = importlib.import_module(f"{_PLUGINS}.action.{module}").ActionModule.OPERATION
    return operation


OPERATIONS = {path.stem: operation_of(path.stem) for path in _MODULES}
"""Module name to operation."""


class OperationHost(TaskContext):
    """One task as a playbook gives it (None leaves an option out), defaults and environment filled in."""

    def __init__(
        self,
        operation: Options,
        check_mode: bool = False,
        run_directory: Path | None = None,
        vault: Vault | None = None,
        run_secret: bytes = b"",
        tell: Callable[[str], None] | None = None,
        note_kept: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        validated = ArgumentSpecValidator(operation.arguments, **operation.constraints).validate(given)
        assert validated.error_messages == []
        warnings: list[str] = []
        super().__init__(
            validated.validated_parameters,
            warnings.append,
            check_mode,
            run_directory,
            vault,
            run_secret=run_secret,
            tell=tell,
            note_kept=note_kept,
        )
        # the class is frozen
        object.__setattr__(self, "warnings", warnings)


# most of what is tried with these does not depend on the API: it is that of Microsoft's page, unless a test says graph
_OF_PAGE = {"api": "xdr"}
_BARE = {"alerts": False, "normalize": False}


class Tasks:
    """Runs tasks of one run, by the Defender XDR API: they share `run_directory`, as the tasks of a playbook do.

    `vault` is None where there is none to be had, as in a module on another host.
    """

    def __init__(self, emulator: EmulatorProcess, run_directory: Path | None) -> None:
        self.run_directory = run_directory
        self.run_secret = b"of one run"
        self.tell: Callable[[str], None] | None = None
        self.vault: RunVault | None = vault(default=VAULT_PASSWORD)
        hosts = {
            "authority_url": emulator.url,
            "graph_url": emulator.url,
            "xdr_url": emulator.url,
            "ca_path": emulator.ca_path,
        }
        self.connection = {"client_id": emulator.client_id, "client_secret": emulator.client_secret, **hosts}
        self.registrar = {
            "client_id": emulator.registrar_client_id,
            "client_secret": emulator.registrar_secret,
            "tenant_id": emulator.home_tenant_id,
            "settle_wait": 10,
            **hosts,
        }

    def token(self, **options: Any) -> dict[str, Any]:
        asked = {} if options.get("permissions") else {"resource": "xdr"}
        return self._run("token", {**self.connection, **asked, **options})

    def incidents(self, **options: Any) -> dict[str, Any]:
        return self._run("incidents", {**self.connection, **_BARE, **_OF_PAGE, **options})

    def incident(self, **options: Any) -> dict[str, Any]:
        return self._run("incident", {**self.connection, **_OF_PAGE, **options})

    def alert(self, **options: Any) -> dict[str, Any]:
        return self._run("alert", {**self.connection, **options})

    def triage(self, **options: Any) -> dict[str, Any]:
        return self._run("triage", {**self.connection, **_OF_PAGE, **options})

    def hunting(self, **options: Any) -> dict[str, Any]:
        return self._run("hunting", {**self.connection, **options})

    def alerts(self, **options: Any) -> dict[str, Any]:
        return self._run("alerts", {**self.connection, "normalize": False, **options})

    def consent_url(self, **options: Any) -> dict[str, Any]:
        return self._run("consent_url", {**self.connection, **options})

    def application(self, **options: Any) -> dict[str, Any]:
        return self._run("application", {**self.registrar, **options})

    def credential(self, **options: Any) -> dict[str, Any]:
        return self._run("credential", {**self.registrar, **options})

    def _run(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Return the result of one task. Options win over the connection to the emulator; None leaves one out."""
        check_mode = options.pop("check_mode", False)
        operation = operation_of(f"defender_{name}")
        host = OperationHost(
            operation, check_mode, self.run_directory, self.vault, self.run_secret, self.tell, **options
        )
        result = perform(operation, host)
        return {**result, "warnings": [*result.get("warnings", []), *host.warnings]} if host.warnings else result
