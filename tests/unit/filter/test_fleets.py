# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.filter.fleets import FilterModule, fleets

DEFAULTS = {"client_id": "", "cloud": "worldwide", "required_roles": ["Incident.Read.All"]}


def host(tenant: str = "contoso.com", **settings: Any) -> dict[str, Any]:
    return {"partner_access_tenant_id": tenant, **{f"partner_access_{name}": value for name, value in settings.items()}}


def test_hosts_of_one_application_are_one_fleet() -> None:
    hostvars = {"contoso": host("contoso.com", client_id="1"), "fabrikam": host("fabrikam.com", client_id="1")}
    assert fleets(["contoso", "fabrikam"], hostvars, DEFAULTS) == [
        {
            "settings": {**DEFAULTS, "client_id": "1"},
            "leader": "contoso",
            "tenants": [
                {"name": "contoso", "tenant_id": "contoso.com"},
                {"name": "fabrikam", "tenant_id": "fabrikam.com"},
            ],
        }
    ]


@given(choices=st.lists(st.sampled_from(["worldwide", "gcc", "dod"]), max_size=8))
def test_each_host_is_in_the_one_fleet_of_its_settings(choices: list[str]) -> None:
    hostvars = {f"host-{index}": host(cloud=cloud) for index, cloud in enumerate(choices)}
    found = fleets(hostvars, hostvars, DEFAULTS)
    assert sorted(fleet["settings"]["cloud"] for fleet in found) == sorted(set(choices))
    members = [(tenant["name"], fleet["settings"]["cloud"]) for fleet in found for tenant in fleet["tenants"]]
    assert sorted(members) == sorted((name, cloud) for name, cloud in zip(hostvars, choices, strict=True))
    assert all(fleet["leader"] == fleet["tenants"][0]["name"] for fleet in found)


def test_a_list_among_the_settings_sets_fleets_apart() -> None:
    hostvars = {"a": host(required_roles=["x"]), "b": host()}
    assert [fleet["leader"] for fleet in fleets(["a", "b"], hostvars, DEFAULTS)] == ["a", "b"]


def test_a_host_without_a_tenant_still_belongs_to_a_fleet() -> None:
    (fleet,) = fleets(["a"], {"a": {}}, DEFAULTS)
    assert fleet["tenants"] == [{"name": "a", "tenant_id": ""}]


def test_no_hosts_make_no_fleets() -> None:
    assert fleets([], {}, DEFAULTS) == []


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"fleets": fleets}


def test_what_the_play_sets_holds_for_every_host() -> None:
    hostvars = {
        "contoso": {"partner_access_cloud": "gcc", "partner_access_client_id": "a"},
        "fabrikam": {"partner_access_cloud": "dod", "partner_access_client_id": "b"},
    }
    rendered = {"cloud": "china", "client_id": "a"}
    found = fleets(["contoso", "fabrikam"], hostvars, rendered, "contoso")
    assert [fleet["settings"] for fleet in found] == [
        {"cloud": "china", "client_id": "a"},
        {"cloud": "china", "client_id": "b"},
    ]
