# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.filter.leaders import FilterModule, leaders


@given(st.dictionaries(st.text(min_size=1), st.none() | st.sampled_from("abc"), max_size=12))
def test_the_first_host_with_the_same_fact_leads(clients: dict[str, str | None]) -> None:
    hostvars = {name: {"fact": {"client_id": client}} if client else {} for name, client in clients.items()}
    found = leaders(clients, hostvars, "fact")
    order = list(clients)
    assert list(found) == order
    for host, leader in found.items():
        alike = [name for name in order if clients[name] == clients[host]]
        assert leader == alike[0]


def test_the_order_of_a_facts_members_is_no_difference() -> None:
    hostvars = {"one": {"fact": {"a": 1, "b": [2]}}, "two": {"fact": {"b": [2], "a": 1}}, "three": {"fact": {"a": 1}}}
    assert leaders(hostvars, hostvars, "fact") == {"one": "one", "two": "one", "three": "three"}


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"leaders": leaders}
