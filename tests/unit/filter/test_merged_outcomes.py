# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mssp.defender.plugins.filter.customer_rows import customer_rows
from ansible_collections.mssp.defender.plugins.filter.merged_outcomes import merged_outcomes
from ansible_collections.mssp.defender.plugins.filter.outcome_artifacts import outcome_artifacts

REFUSED = {"state": "not_consented", "code": "AADSTS65001", "meaning": "no consent", "remedy": "open", "who": "admin"}


def test_rows_are_those_of_the_jobs() -> None:
    names = ["contoso", "fabrikam"]
    tenants = [{"name": "contoso", "state": "granted", "who": "nobody"}, {"name": "fabrikam", **REFUSED, "msg": "no"}]
    handed_on = outcome_artifacts(tenants, {"fabrikam": "no"}).values()
    merged = merged_outcomes(names, handed_on)
    assert customer_rows(names, merged["tenants"]) == customer_rows(names, tenants)
    assert merged["failing"] == {"fabrikam": "no"}


def test_who_was_left_out_is_not_reached_and_fails() -> None:
    handed_on = [{"name": "contoso", "state": "granted", "failing": ""}, {"name": "fabrikam"}]
    names = ["contoso", "fabrikam"]
    merged = merged_outcomes(names, handed_on)
    (_granted, row) = customer_rows(names, merged["tenants"])
    assert (row["customer"], row["state"], row["who_acts"]) == ("fabrikam", "not reached", "provider")
    assert "launch the workflow again" in row["what_to_do"]
    assert list(merged["failing"]) == ["fabrikam"]
    assert merged["failing"]["fabrikam"].startswith("fabrikam was not reached")
    assert "launch the workflow again" in merged["failing"]["fabrikam"]


def test_who_is_not_in_the_inventory_is_told_apart() -> None:
    stranger = {"name": "contoso", "state": "granted"}
    assert merged_outcomes([], [stranger]) == {"tenants": [], "failing": {}, "strangers": [stranger]}
