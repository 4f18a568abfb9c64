# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the alerts of each tenant, which only Microsoft Graph lists by themselves."""

from __future__ import annotations

from typing import Any

from .._core.identity import permissions
from .._core.reading import dialects
from .._options import CONNECTION, OF_CUSTOMER, PACED, TENANTS
from . import _reading
from ._host import Host
from ._session import Session

ARGUMENTS: dict[str, Any] = {
    **TENANTS,
    **CONNECTION,
    **PACED,
    **_reading.ARGUMENTS,
    "status": {"type": "list", "elements": "str", "choices": ["New", "InProgress", "Resolved"], "default": []},
    "severity": {
        "type": "list",
        "elements": "str",
        "choices": ["Informational", "Low", "Medium", "High"],
        "default": [],
    },
}
CONSTRAINTS = _reading.CONSTRAINTS
INVENTORY = OF_CUSTOMER


def run(host: Host) -> dict[str, Any]:
    """Return the alerts of one tenant, or of all. Raises OptionError before any tenant is touched."""
    return _reading.run(host, Session(host, INVENTORY), permissions.GRAPH, dialects.GRAPH_ALERTS)
