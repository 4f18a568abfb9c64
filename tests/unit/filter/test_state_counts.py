# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many customers there are in each state, in words."""

from __future__ import annotations

from ansible_collections.mssp.defender.plugins.filter.state_counts import state_counts


def test_states_are_counted_in_the_order_they_occur() -> None:
    rows = [{"state": state} for state in ("partial", "granted", "partial")]
    assert state_counts(rows) == "2 partial, 1 granted"


def test_nobody_makes_no_words() -> None:
    assert state_counts([]) == ""
