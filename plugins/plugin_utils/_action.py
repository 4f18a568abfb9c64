# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run an operation inside the worker process of ansible-core, without a module, a connection or a second interpreter.

The only file that touches core's private interfaces. Seen working on ansible-core 2.16 to 2.21.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible import constants
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Progress
from ansible_collections.mssp.defender.plugins.module_utils._front_door import perform
from ansible_collections.mssp.defender.plugins.module_utils._options import (
    kept_from_environment,
    left_to_inventory,
)
from ansible_collections.mssp.defender.plugins.plugin_utils._progress import shown
from ansible_collections.mssp.defender.plugins.plugin_utils._run_directory import run_directory
from ansible_collections.mssp.defender.plugins.plugin_utils._vault import RunVault


class _ActionHost:
    """A task in process, in the shape operations ask for."""

    def __init__(
        self,
        params: dict[str, Any],
        check_mode: bool,
        run_directory: Path,
        vault: RunVault,
        progress: Progress | None,
    ) -> None:
        self.params = params
        self.check_mode = check_mode
        self.run_directory = run_directory
        self.vault = vault
        self.progress = progress
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class InProcessAction(ActionBase):
    """Base of every action of this collection; a subclass names its `OPERATION`."""

    OPERATION: ModuleType
    _requires_connection = False
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        arguments = {**self._inventory_arguments(task_vars or {}), **self._task.args}
        closed = kept_from_environment([option for option, value in arguments.items() if value])
        arguments.update({option: "" for option in closed if option in self.OPERATION.ARGUMENTS})
        exposing = getattr(self.OPERATION, "EXPOSED_BY", "")
        exposes = boolean(arguments.get(exposing, False), strict=False)
        if exposes and self._task.loop is not None and not self._task.no_log:
            # ansible-core before 2.19 hands the result of a whole loop to callbacks uncensored
            msg = f"{exposing} in a loop shows secrets to callbacks: set no_log: true on the task"
            return {"failed": True, "msg": msg}
        if exposes and self._task.async_val:
            # the result of an async job is printed by async_status, which nothing would censor
            return {"failed": True, "msg": f"{exposing} cannot be used with async: the secret would be printed"}
        if self._task.async_val or self._is_delegated():
            return self._run_as_module(arguments, task_vars, exposes)
        with self._task_environment():
            return self._run_in_process(arguments)

    def _run_in_process(self, arguments: dict[str, Any]) -> dict[str, Any]:
        validator = ArgumentSpecValidator(self.OPERATION.ARGUMENTS, **self.OPERATION.CONSTRAINTS)
        validated = validator.validate(arguments)
        if validated.error_messages:
            return {"failed": True, "msg": "; ".join(validated.error_messages)}
        vault = RunVault(self._loader._vault.secrets or [])  # noqa: SLF001 - there is no public way
        with shown(self._task.get_name()) as progress:
            host = _ActionHost(validated.validated_parameters, self._task.check_mode, run_directory(), vault, progress)
            result = perform(self.OPERATION, host)
        if host.warnings:
            result["warnings"] = [*result.get("warnings", []), *host.warnings]
        return result

    def _inventory_arguments(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what the host's variables say of options that the task leaves out, templated as task arguments are.

        They do not become arguments of the task itself, because those are shown to callbacks.
        """
        found = {}
        for option, variable in left_to_inventory(self._task.args, self.OPERATION.INVENTORY).items():
            if option in self.OPERATION.ARGUMENTS and variable in task_vars:
                value = self._templar.template(task_vars[variable])
                if value not in (None, "", []):
                    found[option] = value
        return found

    def _is_delegated(self) -> bool:
        return bool(self._task.delegate_to) and self._task.delegate_to not in constants.LOCALHOST

    def _run_as_module(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None, exposes: bool
    ) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_args=arguments, task_vars=task_vars, wrap_async=self._task.async_val
        )
        if exposes:
            result["_ansible_no_log"] = True
        return result

    @contextmanager
    def _task_environment(self) -> Iterator[None]:
        """Make the task's `environment:` keyword hold for code in process, as it would for a module."""
        wanted: dict[str, Any] = {}
        self._compute_environment_string(wanted)
        before = dict(os.environ)
        os.environ.update({name: str(value) for name, value in wanted.items()})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
