# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the incidents of each tenant."""

from __future__ import annotations

from typing import Any

from ..._core.identity import permissions
from ..._core.reading import dialects
from ..operation import Operation, OptionSpec
from ..options import API, CONNECTION, OF_CUSTOMER, OF_RUN, PACED, PREFIX, TENANTS
from ..session import Session
from ..task_context import TaskContext
from . import delivery

ARGUMENTS: dict[str, OptionSpec] = {
    **TENANTS,
    **CONNECTION,
    **PACED,
    **delivery.ARGUMENTS,
    **API,
    "status": {
        "type": "list",
        "elements": "str",
        "choices": ["Active", "InProgress", "AwaitingAction", "Resolved", "Redirected"],
        "default": [],
    },
    "severity": {
        "type": "list",
        "elements": "str",
        "choices": ["Informational", "Low", "Medium", "High"],
        "default": [],
    },
    "alerts": {"type": "bool", "default": True},
    "switched_checkpoint": {"type": "str", "choices": ["continue", "restart"], "default": "continue"},
}
CONSTRAINTS = delivery.CONSTRAINTS
VARIABLES = OF_CUSTOMER
_OF_READING = (
    *("status", "severity", "alerts", "updated_after", "limit", "normalize"),
    *("dest", "checkpoint", "backfill", "switched_checkpoint"),
)
SETTINGS = {
    **OF_RUN,
    "api": f"{PREFIX}api",
    **{option: f"{PREFIX}incidents_{option}" for option in _OF_READING},
    "newest": f"{PREFIX}incidents_shown",
}


def run(task: TaskContext) -> dict[str, Any]:
    """Return the incidents of one tenant, or of all. Raises OptionError before any tenant is touched."""
    api = task.params["api"]
    return delivery.run(task, Session(task, VARIABLES), permissions.APIS[api], dialects.INCIDENTS[api])


OPERATION = Operation(ARGUMENTS, run=run, constraints=CONSTRAINTS, variables=VARIABLES, settings=SETTINGS)
