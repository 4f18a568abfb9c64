# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation run by a real module: on a delegated host, under async, or wherever modules run."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._front_door import perform, told


class _ModuleHost:
    """AnsibleModule in the shape operations ask for. A module shares nothing with other tasks."""

    run_directory: Path | None = None
    vault = None
    progress = None
    inventory = None

    def __init__(self, module: AnsibleModule) -> None:
        self.params = module.params
        self.check_mode = module.check_mode
        self.warn = module.warn


def _module_class(operation: ModuleType) -> type[AnsibleModule]:
    """Return an AnsibleModule that quotes no value of an option that could be a secret, when it checks them either."""

    class _Module(AnsibleModule):
        def fail_json(self, msg: str, **kwargs: Any) -> None:
            super().fail_json(told(operation, msg, self.params), **kwargs)

    return _Module


def run_module(operation: ModuleType) -> None:
    """Parse the module's arguments, run the operation, and exit with its result."""
    module_class = _module_class(operation)
    module = module_class(argument_spec=operation.ARGUMENTS, supports_check_mode=True, **operation.CONSTRAINTS)
    result = perform(operation, _ModuleHost(module))
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
