# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory plugin and the check of the inventory agree on: how a configuration is named, and which failed."""

from __future__ import annotations

PLUGIN = "mssp.defender.customers"
NAMES = ("customers.yml", "customers.yaml")
"""How the name of a configuration ends."""

REFUSED: dict[str, str] = {}
"""Path of a configuration to why its customers are missing; Ansible goes on without them. Workers inherit it."""
