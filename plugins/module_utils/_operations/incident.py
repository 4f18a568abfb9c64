# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change incidents, one or many, in one tenant or in many."""

from __future__ import annotations

from typing import Any

from .._core.changing import changes
from . import _changing
from ._host import Host

ARGUMENTS: dict[str, Any] = {
    **_changing.arguments("incident", changes.INCIDENT_STATUSES, has_tags=True),
    "api": {"type": "str", "choices": list(changes.INCIDENT_FORMS), "default": "xdr"},
}
CONSTRAINTS = _changing.constraints("incident")
INVENTORY = _changing.INVENTORY


def run(host: Host) -> dict[str, Any]:
    """Return what became of each incident. Raises OptionError before any tenant is touched."""
    return _changing.run(host, changes.INCIDENT_FORMS[host.params["api"]])
