# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change incidents, one or many, in one tenant or in many."""

from __future__ import annotations

from typing import Any

from ..._core.changing import changes
from ..operation import Operation, OptionSpec
from ..options import API
from ..task_context import TaskContext
from . import record_change

ARGUMENTS: dict[str, OptionSpec] = {
    **record_change.arguments("incident", changes.INCIDENT_STATUSES, has_tags=True),
    **API,
}
CONSTRAINTS = record_change.constraints("incident")
VARIABLES = record_change.VARIABLES


def run(task: TaskContext) -> dict[str, Any]:
    """Return what became of each incident. Raises OptionError before any tenant is touched."""
    return record_change.run(task, changes.INCIDENT_FORMS[task.params["api"]])


OPERATION = Operation(ARGUMENTS, run=run, constraints=CONSTRAINTS, variables=VARIABLES)
