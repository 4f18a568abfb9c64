# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that share something: the first of them does for all what is to be done once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def leaders(hosts: Iterable[str], hostvars: Mapping[str, Any], fact: str) -> dict[str, str]:
    """Return the leader of each host: the first one with the same value of `fact`, a dictionary."""
    first: dict[str, str] = {}
    return {host: first.setdefault(repr(sorted(hostvars[host].get(fact, {}).items())), host) for host in hosts}
