# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs an operation with options validated as a task's are, and without a front door."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mssp.defender.plugins.module_utils._core.registration.vars_file import Vault
from ansible_collections.mssp.defender.plugins.module_utils._operations._host import Inventory


class OperationHost:
    """The options of one task as a playbook gives them (None leaves one out), defaults and environment filled in."""

    def __init__(
        self,
        operation: ModuleType,
        check_mode: bool = False,
        run_directory: Path | None = None,
        vault: Vault | None = None,
        inventory: Inventory | None = None,
        **options: Any,
    ) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        validated = ArgumentSpecValidator(operation.ARGUMENTS, **operation.CONSTRAINTS).validate(given)
        assert validated.error_messages == []
        self.params = validated.validated_parameters
        self.check_mode = check_mode
        self.run_directory = run_directory
        self.vault = vault
        self.progress = None
        self.inventory = inventory
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)
