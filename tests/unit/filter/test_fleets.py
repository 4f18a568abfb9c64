# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that share an application are one fleet."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.filter.fleets import fleets


def host(client_id: str, tenant_id: str | None = None, **more: Any) -> dict[str, Any]:
    tenant = {"partner_access_tenant_id": tenant_id} if tenant_id else {}
    return {"partner_access_application": {"client_id": client_id, **more}, **tenant}


def test_hosts_of_one_application_are_one_fleet_led_by_the_first() -> None:
    hostvars = {"contoso": host("a", "contoso.example"), "fabrikam": host("a", "fabrikam.example")}
    assert fleets(["contoso", "fabrikam"], hostvars) == {
        "contoso": [
            {"name": "contoso", "tenant_id": "contoso.example"},
            {"name": "fabrikam", "tenant_id": "fabrikam.example"},
        ]
    }


def test_any_difference_in_the_application_sets_fleets_apart() -> None:
    hostvars = {
        "contoso": host("a", permissions={"xdr": ["Incident.Read.All"]}),
        "fabrikam": host("a", permissions={"xdr": ["Incident.ReadWrite.All"]}),
        "tailspin": host("a", permissions={"xdr": ["Incident.Read.All"]}),
    }
    found = fleets(hostvars, hostvars)
    assert {leader: [tenant["name"] for tenant in tenants] for leader, tenants in found.items()} == {
        "contoso": ["contoso", "tailspin"],
        "fabrikam": ["fabrikam"],
    }


def test_a_host_without_a_tenant_still_belongs_to_a_fleet() -> None:
    assert fleets(["contoso"], {"contoso": host("a")}) == {"contoso": [{"name": "contoso", "tenant_id": ""}]}


def test_without_the_role_all_hosts_are_one_fleet() -> None:
    hostvars = {"contoso": {"partner_access_tenant_id": "contoso.example"}, "fabrikam": {}}
    assert list(fleets(hostvars, hostvars)) == ["contoso"]


def test_no_hosts_make_no_fleets() -> None:
    assert fleets([], {}) == {}


@given(st.dictionaries(st.text(min_size=1), st.sampled_from("abc"), max_size=12))
def test_each_host_is_in_the_one_fleet_of_its_application(clients: dict[str, str]) -> None:
    found = fleets(clients, {name: host(client) for name, client in clients.items()})
    members = [tenant["name"] for tenants in found.values() for tenant in tenants]
    assert sorted(members) == sorted(clients)
    assert len(found) == len(set(clients.values()))
    for leader, tenants in found.items():
        assert {clients[tenant["name"]] for tenant in tenants} == {clients[leader]}
