# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change alerts, one or many, in one tenant or in many."""

from __future__ import annotations

from typing import Any

from .._core.changing import changes
from . import _changing
from ._host import Host

ARGUMENTS: dict[str, Any] = _changing.arguments("alert", changes.ALERT_STATUSES, has_tags=False)
CONSTRAINTS = _changing.constraints("alert")
INVENTORY = _changing.INVENTORY


def run(host: Host) -> dict[str, Any]:
    """Return what became of each alert. Raises OptionError before any tenant is touched."""
    return _changing.run(host, changes.GRAPH_ALERT)
