# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.customers import merging
from ansible_collections.mssp.defender.plugins.module_utils._core.customers.customer import (
    Customer,
    file_fault,
    file_key,
    partner_name,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError

ONE = "44444444-4444-4444-8444-444444444441"
TWO = "55555555-4444-4444-8444-444444444442"
RELATIONSHIPS = [{"id": "1"}]


def listed(name: str, tenant_id: str, line: int = 2, **variables: Any) -> Customer:
    return Customer(name, name, tenant_id, (f"a.csv line {line}",), variables)


def partner(name: str, tenant_id: str, **known: Any) -> Customer:
    return Customer(partner_name(name, tenant_id), name, tenant_id, ("contracts",), **known)


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


@pytest.mark.parametrize(
    ("one", "other"), [("contoso", "Contoso"), ("M\u00fcller", "Mu\u0308ller"), ("a", "a."), ("Strauß", "STRAUSS")]
)
def test_two_tenants_whose_files_could_be_one_are_refused(one: str, other: str) -> None:
    with pytest.raises(OptionError, match=r"are two tenants whose files some disks take for one: rename one of them"):
        merging.of_lists([listed(one, ONE, 2), listed(other, TWO, 3)])


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
    assert [each.name for each in found] == ["a", partner_name("b", TWO)]


def test_a_list_keeps_its_names_whatever_customers_call_themselves() -> None:
    found = merging.with_partners([listed("contoso", ONE)], [partner("contoso", TWO)])
    assert [each.name for each in found] == ["contoso", "contoso-444444444442"]


def test_a_name_of_a_list_that_is_that_of_another_tenant_is_refused() -> None:
    with pytest.raises(
        OptionError, match=r"contoso-444444444442 \(contracts\) are two tenants of one name: rename one"
    ):
        merging.with_partners([listed("contoso-444444444442", ONE)], [partner("contoso", TWO)])


def test_a_contract_keeps_the_name_of_a_customer_that_renames_itself() -> None:
    renamed = Customer(partner_name("B", ONE), "B", ONE, ("delegated_admin_customers",))
    for partners in ([renamed, partner("Contoso", ONE)], [partner("Contoso", ONE), renamed]):
        assert [each.title for each in merging.with_partners([], partners)] == ["Contoso"]


TITLES = st.sampled_from(["Contoso", "contoso", "CONTOSO.", "All", "", "Contoso-444444444442", "a/b"]) | st.text()
FLEETS = st.dictionaries(st.uuids(version=4).map(str), st.tuples(TITLES, TITLES), min_size=1, max_size=8)


@given(FLEETS, st.data())
def test_a_name_depends_on_its_own_tenant_alone(fleet: dict[str, tuple[str, str]], data: st.DataObject) -> None:
    """In whichever order the customers come, and whatever the others call themselves meanwhile."""
    kept = data.draw(st.sampled_from(sorted(fleet)))
    partners = [partner(title, tenant_id) for tenant_id, (title, _unused) in fleet.items()]
    before = merging.with_partners([], data.draw(st.permutations(partners)))
    after = merging.with_partners(
        [], [partner(titles[tenant_id != kept], tenant_id) for tenant_id, titles in fleet.items()]
    )
    names = {each.tenant_id: each.name for each in before}
    assert {each.tenant_id: each.name for each in after}[kept] == names[kept]
    assert len({file_key(name) for name in names.values()}) == len(fleet)
    assert [file_fault(name) for name in names.values()] == [None] * len(fleet)
