# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change alerts, one or many, in one tenant or in many."""

from __future__ import annotations

from typing import Any

from ..._core.changing import changes
from ..operation import Operation, OptionSpec
from ..task_context import TaskContext
from . import record_change

ARGUMENTS: dict[str, OptionSpec] = record_change.arguments("alert", changes.ALERT_STATUSES, has_tags=False)
CONSTRAINTS = record_change.constraints("alert")
VARIABLES = record_change.VARIABLES


def run(task: TaskContext) -> dict[str, Any]:
    """Return what became of each alert. Raises OptionError before any tenant is touched."""
    return record_change.run(task, changes.GRAPH_ALERT)


OPERATION = Operation(ARGUMENTS, run=run, constraints=CONSTRAINTS, variables=VARIABLES)
