# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change alerts, one or many, in one tenant or in many."""

from __future__ import annotations

from ..._core.changing import changes
from ..._core.changing.updating import AlertEnd, End
from ..._core.results import Result
from ..fleet_task import TenantsResult
from ..operation import Operation, OptionSpec
from ..task_context import TaskContext
from . import record_change

ARGUMENTS: dict[str, OptionSpec] = record_change.arguments("alert", changes.ALERT_STATUSES, has_tags=False)
CONSTRAINTS = record_change.constraints("alert")
VARIABLES = record_change.VARIABLES


class AlertResult(TenantsResult, total=False):
    """What became of each alert, in the order given."""

    alerts: list[AlertEnd]


def run(task: TaskContext) -> Result:
    """Return what became of each alert. Raises OptionError before any tenant is touched."""
    return record_change.run(task, changes.GRAPH_ALERT, _told)


def _told(ends: list[End]) -> AlertResult:
    return {"alerts": [end.of_alert() for end in ends]}


OPERATION = Operation(ARGUMENTS, run=run, returns=AlertResult, constraints=CONSTRAINTS, variables=VARIABLES)
