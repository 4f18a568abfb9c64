# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the alerts of each tenant, which only Microsoft Graph lists by themselves."""

from __future__ import annotations

from typing import Any

from ..._core.identity import permissions
from ..._core.reading import dialects
from ..operation import Operation, OptionSpec
from ..options import CONNECTION, OF_CUSTOMER, OF_RUN, PACED, TENANTS
from ..session import Session
from ..task_context import TaskContext
from . import delivery

ARGUMENTS: dict[str, OptionSpec] = {
    **TENANTS,
    **CONNECTION,
    **PACED,
    **delivery.ARGUMENTS,
    "status": {"type": "list", "elements": "str", "choices": ["New", "InProgress", "Resolved"], "default": []},
    "severity": {
        "type": "list",
        "elements": "str",
        "choices": ["Informational", "Low", "Medium", "High"],
        "default": [],
    },
}
CONSTRAINTS = delivery.CONSTRAINTS
VARIABLES = OF_CUSTOMER


def run(task: TaskContext) -> dict[str, Any]:
    """Return the alerts of one tenant, or of all. Raises OptionError before any tenant is touched."""
    return delivery.run(task, Session(task, VARIABLES), permissions.GRAPH, dialects.GRAPH_ALERTS)


OPERATION = Operation(ARGUMENTS, run=run, constraints=CONSTRAINTS, variables=VARIABLES, settings=OF_RUN)
