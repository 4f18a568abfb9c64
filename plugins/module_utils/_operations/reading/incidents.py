# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the incidents of each tenant."""

from __future__ import annotations

from ..._core.identity import permissions
from ..._core.reading import dialects
from ..._core.reading.redirects import Redirection
from ..._core.results import Result
from ..._core.wire.records import JsonObject
from ..operation import Operation, OptionSpec
from ..options import API, CONNECTION, OF_CUSTOMER, OF_RUN, PACED, PREFIX, TENANTS
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


class IncidentsResult(ReadResult, total=False):
    """The incidents of a tenant as Microsoft sent them, where they go into no file."""

    incidents: list[JsonObject]
    redirects: list[Redirection]
    switched_from: str


def run(task: TaskContext) -> Result:
    """Return the incidents of one tenant, or of all. Raises OptionError before any tenant is touched."""
    api = task.params["api"]
    return delivery.run(task, Session(task, VARIABLES), permissions.APIS[api], dialects.INCIDENTS[api], _told)


def _told(read: TenantRead, incidents: list[JsonObject] | None) -> IncidentsResult:
    told: IncidentsResult = {"redirects": read.reader.redirects}
    if read.switched_from:
        told["switched_from"] = read.switched_from
    if incidents is not None:
        told["incidents"] = incidents
    return told


OPERATION = Operation(
    ARGUMENTS, run=run, returns=IncidentsResult, constraints=CONSTRAINTS, variables=VARIABLES, settings=SETTINGS
)
