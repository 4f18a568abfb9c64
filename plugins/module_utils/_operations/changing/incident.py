# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change incidents, one or many, in one tenant or in many."""

from __future__ import annotations

from ..._core.changing import changes
from ..._core.changing.updating import End, IncidentEnd
from ..._core.results import Result
from ..fleet_task import TenantsResult
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


class IncidentResult(TenantsResult, total=False):
    """What became of each incident, in the order given."""

    incidents: list[IncidentEnd]


def run(task: TaskContext) -> Result:
    """Return what became of each incident. Raises OptionError before any tenant is touched."""
    return record_change.run(task, changes.INCIDENT_FORMS[task.params["api"]], _told)


def _told(ends: list[End]) -> IncidentResult:
    return {"incidents": [end.of_incident() for end in ends]}


OPERATION = Operation(ARGUMENTS, run=run, returns=IncidentResult, constraints=CONSTRAINTS, variables=VARIABLES)
