# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.customers import merging
from ansible_collections.mssp.defender.plugins.module_utils._core.customers.customer import Customer
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError

ONE = "44444444-4444-4444-8444-444444444441"
TWO = "55555555-4444-4444-8444-444444444442"
RELATIONSHIPS = [{"id": "1"}]


def listed(name: str, tenant_id: str, line: int = 2, **variables: Any) -> Customer:
    return Customer(name, name, tenant_id, (f"a.csv line {line}",), variables)


def partner(name: str, tenant_id: str, **known: Any) -> Customer:
    return Customer(name, name, tenant_id, ("contracts",), **known)


def test_a_tenant_listed_twice_is_one_customer_with_the_variables_of_both() -> None:
    found, warnings = merging.of_lists(
        [listed("a", ONE, 2, tier=1), listed("b", TWO), listed("a", ONE, 9, city="Wien")]
    )
    assert [(each.name, each.variables) for each in found] == [("a", {"tier": 1, "city": "Wien"}), ("b", {})]
    assert found[0].sources == ("a.csv line 2", "a.csv line 9")
    assert warnings == []


def test_a_tenant_under_two_names_keeps_the_first_and_says_so() -> None:
    found, (warning,) = merging.of_lists([listed("a", ONE, 2), listed("b", ONE, 3)])
    assert [each.name for each in found] == ["a"]
    assert warning == f"a (a.csv line 2) and b (a.csv line 3) are one tenant, {ONE}: the host is a"


def test_a_tenant_listed_twice_is_refused_by_name_on_request() -> None:
    with pytest.raises(OptionError, match=r"a \(a.csv line 2\) and b \(a.csv line 3\) are one tenant.*: remove one"):
        merging.of_lists([listed("a", ONE, 2), listed("b", ONE, 3)], refuse=True)


def test_two_rows_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(OptionError, match=r"a \(a.csv line 2\) and a \(a.csv line 3\).*differ in tier: correct one"):
        merging.of_lists([listed("a", ONE, 2, tier=1, city="x"), listed("a", ONE, 3, tier=2, city="x")])


def test_two_tenants_of_one_name_are_refused_by_name() -> None:
    with pytest.raises(OptionError, match=r"a \(a.csv line 2\) and a \(a.csv line 3\) are two tenants of one name"):
        merging.of_lists([listed("a", ONE, 2), listed("a", TWO, 3)])


def test_a_partner_completes_what_lists_say() -> None:
    (found,) = merging.with_partners(
        [listed("a", ONE, tier=1)],
        [
            partner("Contoso", ONE, relationships=RELATIONSHIPS),
            partner("C", ONE, domain="c.example", contract_type="R"),
        ],
    )
    assert found == Customer("a", "a", ONE, ("a.csv line 2", "contracts"), {"tier": 1}, "c.example", RELATIONSHIPS, "R")


def test_customers_of_the_partner_alone_follow() -> None:
    found = merging.with_partners([listed("a", ONE)], [partner("b", TWO)])
    assert [each.name for each in found] == ["a", "b"]


def test_a_name_that_is_taken_gets_the_beginning_of_the_tenant_and_the_list_keeps_its_own() -> None:
    found = merging.with_partners([listed("contoso", ONE)], [partner("contoso", TWO)])
    assert [each.name for each in found] == ["contoso", "contoso-55555555"]


def test_two_of_one_name_are_both_told_apart_whatever_the_order() -> None:
    partners = [partner("contoso", ONE), partner("contoso", TWO), partner("", ONE[:-1] + "9")]
    named = {}
    for seed in range(6):
        random.Random(seed).shuffle(partners)
        named = {each.tenant_id: each.name for each in merging.with_partners([], partners)}
        assert named == {ONE: "contoso-44444444", TWO: "contoso-55555555", ONE[:-1] + "9": ONE[:-1] + "9"}


def test_tenants_that_begin_alike_get_their_whole_id() -> None:
    other = ONE[:-1] + "9"
    found = merging.with_partners([listed("contoso", TWO)], [partner("contoso", ONE), partner("contoso", other)])
    assert [each.name for each in found] == ["contoso", ONE, other]
