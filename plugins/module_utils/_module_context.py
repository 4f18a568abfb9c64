# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation run by a real module: on a delegated host, under async, or wherever modules run."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._front_door import perform, told
from ._operations.operation import Operation
from ._operations.task_context import TaskContext


def _module_class(operation: Operation) -> type[AnsibleModule]:
    """Return an AnsibleModule that quotes no value of an option that could be a secret, when it checks them either."""

    class _Module(AnsibleModule):
        def fail_json(self, msg: str, **kwargs: Any) -> None:
            super().fail_json(told(operation, msg, self.params), **kwargs)

    return _Module


def run_module(operation: Operation) -> None:
    """Parse the module's arguments, run the operation, and exit with its result."""
    module_class = _module_class(operation)
    module = module_class(argument_spec=operation.arguments, supports_check_mode=True, **operation.constraints)
    # a module shares nothing with other tasks
    result = perform(operation, TaskContext(module.params, module.warn, module.check_mode))
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
