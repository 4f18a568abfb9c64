# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.customers.customer import Customer, host_name

TENANT = "44444444-4444-4444-8444-444444444444"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("contoso", "contoso"),
        ("Contoso Ltd.", "Contoso-Ltd"),
        ("Müller & Söhne (Wien)", "Müller-Söhne-Wien"),
        ("a,b:c!d*e[1:3]", "a-b-c-d-e-1-3"),
        ("../../etc/passwd", "etc-passwd"),
        ("{{ lookup('pipe', 'id') }}", "lookup-pipe-id"),
        ("mail.contoso.example", "mail.contoso.example"),
        ("日本", "日本"),
        ("x" * 300, "x" * 100),
        ("All", ""),
        ("localhost", ""),
        ("--", ""),
        ("", ""),
    ],
)
def test_a_title_becomes_a_name_that_patterns_and_files_can_carry(title: str, name: str) -> None:
    assert host_name(title) == name


@given(st.text())
def test_a_name_made_once_is_the_same_when_it_is_made_again(title: str) -> None:
    assert host_name(host_name(title)) == host_name(title)


def test_a_letter_and_its_accent_apart_are_one_letter() -> None:
    assert host_name("Mu\u0308ller") == "M\u00fcller"


def test_only_what_is_known_is_told() -> None:
    customer = Customer("contoso", "Contoso Ltd.", TENANT, ("a.csv line 2",))
    assert customer.known() == {"name": "Contoso Ltd.", "sources": ["a.csv line 2"]}


def test_what_is_known_is_told_whole() -> None:
    relationships = [{"id": "1", "name": "SOC", "status": "active", "ends_at": None, "roles": []}]
    customer = Customer("c", "C", TENANT, ("contracts",), {}, "c.example", relationships, "ResellerPartner")
    assert customer.known() == {
        "name": "C",
        "domain": "c.example",
        "sources": ["contracts"],
        "relationships": relationships,
        "contract_type": "ResellerPartner",
    }
