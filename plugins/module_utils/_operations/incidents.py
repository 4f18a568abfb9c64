# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the incidents of each tenant."""

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
CONSTRAINTS = _reading.CONSTRAINTS
INVENTORY = OF_CUSTOMER

DIALECTS = {"xdr": dialects.XDR_INCIDENTS, "graph": dialects.GRAPH_INCIDENTS}


def run(host: Host) -> dict[str, Any]:
    """Return the incidents of one tenant, or of all. Raises OptionError before any tenant is touched."""
    api = host.params["api"]
    return _reading.run(host, Session(host, INVENTORY), permissions.APIS[api], DIALECTS[api])
