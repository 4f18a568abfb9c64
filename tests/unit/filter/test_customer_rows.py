# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mssp.defender.plugins.filter.customer_rows import FilterModule, customer_rows


def test_an_outcome_is_laid_out_for_the_table() -> None:
    outcome = {
        "name": "contoso",
        "tenant_id": "contoso.example",
        "state": "not_consented",
        "meaning": "the application is missing",
        "code": "AADSTS7000229",
        "who": "customer admin",
        "remedy": "open the consent link",
    }
    assert customer_rows(["contoso"], [outcome]) == [
        {
            "customer": "contoso",
            "tenant_id": "contoso.example",
            "state": "not_consented",
            "reason": "the application is missing (AADSTS7000229)",
            "who_acts": "customer admin",
            "what_to_do": "open the consent link",
        }
    ]


def test_a_granted_customer_needs_nothing() -> None:
    (row,) = customer_rows(["contoso"], [{"name": "contoso", "state": "granted"}])
    nothing = dict.fromkeys(["tenant_id", "reason", "who_acts", "what_to_do"], "")
    assert row == {"customer": "contoso", "state": "granted", **nothing}


def test_nobody_is_missing_from_the_table() -> None:
    rows = customer_rows(["fabrikam", "contoso"], [{"name": "tailspin", "state": "granted"}])
    assert [(row["customer"], row["state"]) for row in rows] == [
        ("fabrikam", "not reached"),
        ("contoso", "not reached"),
    ]


def test_one_without_an_outcome_has_the_reason_for_which_it_fails() -> None:
    (row,) = customer_rows(["contoso"], [], {"contoso": "contoso: its application could not be registered"})
    assert (row["state"], row["who_acts"]) == ("error", "provider")
    assert row["reason"] == "contoso: its application could not be registered"


def test_granted_customers_come_first() -> None:
    tenants = [{"name": "fabrikam", "state": "blocked"}, {"name": "contoso", "state": "granted"}]
    rows = customer_rows(["fabrikam", "contoso"], tenants)
    assert [row["customer"] for row in rows] == ["contoso", "fabrikam"]


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"customer_rows": customer_rows}
