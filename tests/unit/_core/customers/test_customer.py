# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.customers.customer import (
    Customer,
    file_fault,
    file_key,
    host_name,
    partner_name,
    sharing_files,
)

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
        ("127.0.0.1", ""),
        ("::1", "1"),
        ("partner_access_failing", ""),
        ("日" * 100, "日" * 66),
        ("--", ""),
        ("", ""),
    ],
)
def test_a_title_becomes_a_name_that_patterns_and_files_can_carry(title: str, name: str) -> None:
    assert host_name(title) == name


@given(st.text())
def test_a_name_made_once_is_the_same_when_it_is_made_again(title: str) -> None:
    assert host_name(host_name(title)) == host_name(title)


@given(st.text())
def test_a_name_of_a_host_is_a_name_of_a_file(title: str) -> None:
    assert file_fault(host_name(title)) is None


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Contoso Ltd.", "Contoso-Ltd-444444444444"),
        ("All", "All-444444444444"),
        ("", TENANT),
        (TENANT, TENANT),
        ("x" * 300, f"{'x' * 87}-444444444444"),
    ],
)
def test_a_title_that_is_the_customers_own_does_not_make_the_name_alone(title: str, name: str) -> None:
    assert partner_name(title, TENANT) == name
    assert host_name(name) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../x", "it begins with a dot"),
        (".", "it begins with a dot"),
        ("a/b", "it has U+002F SOLIDUS"),
        ("a\0b", "it has U+0000 NULL"),
        ("a\nb", "it has U+000A"),
        ("a\ud800", "it has U+D800"),
        ("x" * 201, "it is too long"),
        ("日" * 67, "it is too long"),
        ("Contoso (Wien)", None),
        ("x" * 200, None),
    ],
)
def test_a_name_that_can_be_no_files_is_told_why(name: str, why: str | None) -> None:
    assert file_fault(name) == why


def test_names_that_a_disk_takes_for_one_are_found_with_each_other() -> None:
    names = ["contoso", "a", "Contoso", "CONTOSO", "a. ", "b"]
    assert sharing_files(names) == {
        "contoso": "Contoso",
        "Contoso": "contoso",
        "CONTOSO": "contoso",
        "a": "a. ",
        "a. ": "a",
    }
    assert file_key("e\u0301") == file_key("\u00c9")


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
