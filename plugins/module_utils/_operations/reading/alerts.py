# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the alerts of each tenant, which only Microsoft Graph lists by themselves."""

from __future__ import annotations

from ..._core.identity import permissions
from ..._core.reading import dialects
from ..._core.results import Result
from ..._core.wire.records import JsonObject
from ..operation import Operation, OptionSpec
from ..options import CONNECTION, OF_CUSTOMER, OF_RUN, PACED, TENANTS
from ..session import Session
from ..task_context import TaskContext
from . import delivery
from .delivery import ReadResult
from .tenant_read import TenantRead

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


class AlertsResult(ReadResult, total=False):
    """The alerts of a tenant as Microsoft sent them, where they go into no file."""

    alerts: list[JsonObject]


def run(task: TaskContext) -> Result:
    """Return the alerts of one tenant, or of all. Raises OptionError before any tenant is touched."""
    return delivery.run(task, Session(task, VARIABLES), permissions.GRAPH, dialects.GRAPH_ALERTS, _told)


def _told(_read: TenantRead, alerts: list[JsonObject] | None) -> AlertsResult:
    return {} if alerts is None else {"alerts": alerts}


OPERATION = Operation(
    ARGUMENTS, run=run, returns=AlertsResult, constraints=CONSTRAINTS, variables=VARIABLES, settings=OF_RUN
)
