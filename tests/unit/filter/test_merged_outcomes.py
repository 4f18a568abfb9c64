# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mssp.defender.plugins.filter.customer_rows import customer_rows
from ansible_collections.mssp.defender.plugins.filter.merged_outcomes import merged_outcomes
from ansible_collections.mssp.defender.plugins.filter.outcome_artifacts import outcome_artifacts

REFUSED = {"state": "not_consented", "code": "AADSTS65001", "meaning": "no consent", "remedy": "open", "who": "admin"}


def test_rows_are_those_of_the_jobs() -> None:
    outcomes = {"contoso": {"state": "granted", "who": "nobody"}, "fabrikam": {**REFUSED, "msg": "no"}}
    handed_on = outcome_artifacts(outcomes, {"fabrikam": "no"}).values()
    merged = merged_outcomes(outcomes, handed_on)
    assert customer_rows(outcomes, merged) == customer_rows(outcomes, outcomes)
    assert {name: outcome["failing"] for name, outcome in merged.items()} == {"contoso": "", "fabrikam": "no"}


def test_who_was_left_out_is_not_reached_and_fails() -> None:
    handed_on = [{"name": "contoso", "state": "granted", "failing": ""}, {"name": "fabrikam"}]
    merged = merged_outcomes(["contoso", "fabrikam"], handed_on)
    (_granted, row) = customer_rows(merged, merged)
    assert (row["customer"], row["state"], row["who_acts"]) == ("fabrikam", "not reached", "provider")
    assert "launch the workflow again" in row["what_to_do"]
    assert "fabrikam" in merged["fabrikam"]["failing"]
    assert "launch the workflow again" in merged["fabrikam"]["failing"]


def test_who_is_not_in_the_inventory_is_left_out() -> None:
    assert merged_outcomes([], [{"name": "contoso", "state": "granted"}]) == {}
