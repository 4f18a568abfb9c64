# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.mssp.defender.plugins.filter.customer_groups import FilterModule, customer_groups
from ansible_collections.mssp.defender.plugins.filter.customer_rows import customer_rows


def waiting(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "tenant_id": f"{name}.example",
        "state": "not_consented",
        "meaning": "the application is missing",
        "code": "AADSTS7000229",
        "who": "customer admin",
        "remedy": "open the consent link",
        **fields,
    }


def failing(name: str, meaning: str, **fields: Any) -> dict[str, Any]:
    return waiting(name, state="error", meaning=meaning, code=None, who="provider", remedy="fix the file", **fields)


def test_customers_with_the_same_trouble_are_one_row() -> None:
    tenants = [waiting("contoso"), {"name": "tailspin", "state": "granted"}, waiting("fabrikam")]
    assert customer_groups(customer_rows(["contoso", "tailspin", "fabrikam"], tenants)) == [
        {
            "customers": "2 customers: contoso, fabrikam",
            "state": "not_consented",
            "reason": "the application is missing (AADSTS7000229)",
            "who_acts": "customer admin",
            "what_to_do": "open the consent link",
        }
    ]


def test_what_the_provider_must_do_comes_first_and_then_what_concerns_most() -> None:
    tenants = [waiting("a"), waiting("b", code="AADSTS1"), waiting("c", code="AADSTS1"), failing("d", "it broke")]
    tenants.append(waiting("e", state="throttled", who="nobody"))
    rows = customer_groups(customer_rows("abcde", tenants))
    assert [row["customers"] for row in rows] == ["d", "2 customers: b, c", "a", "e"]


def test_a_sentence_that_names_its_own_customer_is_that_of_others_too() -> None:
    names = [f"customer-{number}" for number in range(3)]
    tenants = [failing(name, f"/out/{name}.jsonl ({name}.example) cannot be written") for name in names]
    (row,) = customer_groups(customer_rows(names, tenants))
    assert row["customers"] == "all 3 customers: customer-0, customer-1, customer-2"
    assert row["reason"] == "/out/customer-0.jsonl (customer-0.example) cannot be written"


def test_what_does_not_fit_stands_in_the_last_row() -> None:
    """Of 5,000 customers 4,000 fail for one reason, and 1,000 for a hundred."""
    names = [f"customer-{number:04}" for number in range(5000)]
    tenants = [
        failing(name, "the disk is full" if number < 4000 else f"fault {number % 100}")
        for number, name in enumerate(names)
    ]
    first, *others, last = customer_groups(customer_rows(names, tenants), most=5, names=2)
    assert first["customers"] == "4000 customers: customer-0000, customer-0001 and 3998 more"
    assert len(others) == 3
    assert last["customers"] == "970 more customers, for 97 other reasons"
    assert (last["state"], last["who_acts"], last["what_to_do"]) == ("error", "provider", "run with -v to see each")
    assert len(customer_groups(customer_rows(names, tenants))) == 101


def test_granted_customers_stand_first_where_they_are_asked_for() -> None:
    tenants = [waiting("contoso"), {"name": "tailspin", "state": "granted"}]
    rows = customer_groups(customer_rows(["contoso", "tailspin"], tenants), granted=True)
    assert [(row["customers"], row["state"]) for row in rows] == [("tailspin", "granted"), ("contoso", "not_consented")]


def test_nobody_is_missing() -> None:
    (row,) = customer_groups(customer_rows(["contoso"], []))
    assert (row["customers"], row["state"]) == ("contoso", "not reached")


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"customer_groups": customer_groups}
