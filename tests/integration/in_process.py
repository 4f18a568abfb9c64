# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task in this very process: options validated as Ansible does it, the operation run through its front door."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.vault import VaultSecret
from emulator_process import EmulatorProcess

from ansible_collections.mssp.defender.plugins.module_utils._front_door import perform
from ansible_collections.mssp.defender.plugins.plugin_utils._vault import RunVault

VAULT_PASSWORD = "a vault password of a test"

_OPERATIONS = "ansible_collections.mssp.defender.plugins.module_utils._operations"


class _TaskHost:
    """What an operation sees of the task that runs it."""

    def __init__(
        self, params: dict[str, Any], check_mode: bool, run_directory: Path | None, vault: RunVault | None
    ) -> None:
        self.params = params
        self.check_mode = check_mode
        self.run_directory = run_directory
        self.vault = vault
        self.progress = None
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def run_vault(password: str = VAULT_PASSWORD, vault_id: str = "default") -> RunVault:
    """Return the vault of a run that was given one password."""
    return RunVault([(vault_id, VaultSecret(password.encode()))])


class Tasks:
    """Runs tasks of one run: they share `run_directory`, as the tasks of a playbook do.

    `vault` is None where there is none to be had, as in a module on another host.
    """

    def __init__(self, emulator: EmulatorProcess, run_directory: Path | None) -> None:
        self.run_directory = run_directory
        self.vault: RunVault | None = run_vault()
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
        return self._run("token", {**self.connection, **options})

    def incidents(self, **options: Any) -> dict[str, Any]:
        return self._run("incidents", {**self.connection, **options})

    def incident(self, **options: Any) -> dict[str, Any]:
        return self._run("incident", {**self.connection, **options})

    def alert(self, **options: Any) -> dict[str, Any]:
        return self._run("alert", {**self.connection, **options})

    def triage(self, **options: Any) -> dict[str, Any]:
        return self._run("triage", {**self.connection, **options})

    def hunting(self, **options: Any) -> dict[str, Any]:
        return self._run("hunting", {**self.connection, **options})

    def alerts(self, **options: Any) -> dict[str, Any]:
        return self._run("alerts", {**self.connection, **options})

    def consent_url(self, **options: Any) -> dict[str, Any]:
        return self._run("consent_url", {**self.connection, **options})

    def application(self, **options: Any) -> dict[str, Any]:
        return self._run("application", {**self.registrar, **options})

    def credential(self, **options: Any) -> dict[str, Any]:
        return self._run("credential", {**self.registrar, **options})

    def _run(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Return the result of one task. Options win over the connection to the emulator; None leaves one out."""
        check_mode = options.pop("check_mode", False)
        operation = importlib.import_module(f"{_OPERATIONS}.{name}")
        given = {option: value for option, value in options.items() if value is not None}
        checked = ArgumentSpecValidator(operation.ARGUMENTS, **operation.CONSTRAINTS).validate(given)
        assert not checked.error_messages, checked.error_messages
        host = _TaskHost(checked.validated_parameters, check_mode, self.run_directory, self.vault)
        result = perform(operation, host)
        return {**result, "warnings": [*result.get("warnings", []), *host.warnings]} if host.warnings else result
