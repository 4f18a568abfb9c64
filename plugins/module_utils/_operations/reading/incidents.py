# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the incidents of each tenant."""

from __future__ import annotations

from ..._core.identity import permissions
from ..._core.reading import dialects
from ..._core.reading.reader import Reader
from ..._core.reading.redirects import Redirection
from ..._core.results import Result
from ..._core.wire.records import JsonObject
from ..operation import Operation, OptionSpec
from ..options import CONNECTION, OF_CUSTOMER, OF_RUN, PACED, PREFIX, TENANTS
from ..session import Session
from ..task_context import TaskContext
from . import delivery
from .delivery import ReadResult

ARGUMENTS: dict[str, OptionSpec] = {
    **TENANTS,
    **CONNECTION,
    **PACED,
    **delivery.ARGUMENTS,
    "api": {"type": "str", "choices": ["xdr", "graph"], "default": "xdr"},
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
    "alerts": {"type": "bool", "default": False},
}
CONSTRAINTS = delivery.CONSTRAINTS
VARIABLES = OF_CUSTOMER
_OF_READING = ("status", "severity", "updated_after", "limit", "normalize", "dest", "checkpoint", "backfill")
SETTINGS = {
    **OF_RUN,
    "api": f"{PREFIX}api",
    **{option: f"{PREFIX}incidents_{option}" for option in _OF_READING},
    "newest": f"{PREFIX}incidents_shown",
}

DIALECTS = {"xdr": dialects.XDR_INCIDENTS, "graph": dialects.GRAPH_INCIDENTS}


class IncidentsResult(ReadResult, total=False):
    """The incidents of a tenant as Microsoft sent them, where they go into no file."""

    incidents: list[JsonObject]
    redirects: list[Redirection]


def run(task: TaskContext) -> Result:
    """Return the incidents of one tenant, or of all. Raises OptionError before any tenant is touched."""
    api = task.params["api"]
    return delivery.run(task, Session(task, VARIABLES), permissions.APIS[api], DIALECTS[api], _told)


def _told(reader: Reader, incidents: list[JsonObject] | None) -> IncidentsResult:
    told: IncidentsResult = {"redirects": reader.redirects}
    if incidents is not None:
        told["incidents"] = incidents
    return told


OPERATION = Operation(
    ARGUMENTS, run=run, returns=IncidentsResult, constraints=CONSTRAINTS, variables=VARIABLES, settings=SETTINGS
)
