# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Customers that agree in application and settings are one fleet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.operations import OperationHost

from ansible_collections.mssp.defender.plugins.module_utils._core.customers.customer import file_key
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations import fleets


class _Hosts:
    """Hosts with their variables; in place of those, the error that asking for them ends in."""

    def __init__(self, hosts: Mapping[str, Any]) -> None:
        self._hosts = hosts

    def values(self, host: str, variables: Collection[str]) -> dict[str, Any]:
        found = self._hosts[host]
        if isinstance(found, ValueError):
            raise found
        return {variable: found[variable] for variable in variables if variable in found}


def customer(client_id: str, tenant_id: str | None = None, **more: Any) -> dict[str, Any]:
    variables = {"client_id": client_id, **more, **({"tenant_id": tenant_id} if tenant_id else {})}
    return {f"partner_access_{name}": value for name, value in variables.items()}


def run(hosts: Mapping[str, Any], *settings: str) -> dict[str, Any]:
    return fleets.run(
        OperationHost(fleets.OPERATION, inventory=_Hosts(hosts), hosts=list(hosts), settings=list(settings))
    )


def members(result: Mapping[str, Any]) -> dict[str, list[str]]:
    return {leader: [tenant["name"] for tenant in fleet["tenants"]] for leader, fleet in result["fleets"].items()}


def test_customers_of_one_application_are_one_fleet_led_by_the_first() -> None:
    found = run({"contoso": customer("a", "contoso.example"), "fabrikam": customer("a", "fabrikam.example")})
    assert found == {
        "changed": False,
        "fleets": {
            "contoso": {
                "settings": {"client_id": "a"},
                "tenants": [
                    {"name": "contoso", "tenant_id": "contoso.example"},
                    {"name": "fabrikam", "tenant_id": "fabrikam.example"},
                ],
            }
        },
        "unusable": {},
    }


def test_any_difference_in_the_application_sets_fleets_apart() -> None:
    found = run(
        {
            "contoso": customer("a", permissions={"xdr": ["Incident.Read.All"]}),
            "fabrikam": customer("a", permissions={"xdr": ["Incident.ReadWrite.All"]}),
            "tailspin": customer("a", permissions={"xdr": ["Incident.Read.All"]}),
        }
    )
    assert members(found) == {"contoso": ["contoso", "tailspin"], "fabrikam": ["fabrikam"]}


def test_further_settings_set_fleets_apart_only_when_asked_for() -> None:
    hosts = {"contoso": customer("a", incidents_api="xdr"), "fabrikam": customer("a", incidents_api="graph")}
    assert members(run(hosts)) == {"contoso": ["contoso", "fabrikam"]}
    apart = run(hosts, "incidents_api")
    assert members(apart) == {"contoso": ["contoso"], "fabrikam": ["fabrikam"]}
    assert apart["fleets"]["fabrikam"]["settings"]["incidents_api"] == "graph"


def test_secrets_are_neither_asked_for_nor_returned() -> None:
    secret = {"client_secret": "very secret", "certificate_password": "very secret", "state_key": "very secret"}
    assert "very secret" not in str(run({"contoso": customer("a", **secret), "fabrikam": customer("a")}))


def test_a_host_without_a_tenant_still_belongs_to_a_fleet() -> None:
    found = run({"contoso": customer("a")})
    assert found["fleets"]["contoso"]["tenants"] == [{"name": "contoso", "tenant_id": ""}]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        (ValueError("a variable of contoso cannot be templated"), "a variable of contoso cannot be templated"),
        (customer("a", permissions=["Incident.Read.All"]), "partner_access_permissions is not a dictionary of lists"),
        (customer("a", permissions={"xdr": "Incident.Read.All"}), "partner_access_permissions is not a dictionary"),
    ],
)
def test_one_host_that_cannot_be_used_does_not_stop_the_others(variables: Any, reason: str) -> None:
    found = run({"contoso": variables, "fabrikam": customer("a")})
    assert members(found) == {"fabrikam": ["fabrikam"]}
    assert list(found["unusable"]) == ["contoso"]
    assert found["unusable"]["contoso"].startswith(reason)


def test_no_hosts_make_no_fleets() -> None:
    assert run({}) == {"changed": False, "fleets": {}, "unusable": {}}


def test_without_an_inventory_there_is_nothing_to_group() -> None:
    with pytest.raises(OptionError, match="needs the inventory: leave out async and delegate_to"):
        fleets.run(OperationHost(fleets.OPERATION, hosts=["contoso"]))


def test_hosts_whose_files_could_be_one_are_worked_for_neither() -> None:
    found = run({name: customer(name) for name in ("contoso", "Contoso", "fabrikam")})
    assert members(found) == {"fabrikam": ["fabrikam"]}
    assert found["unusable"] == {
        "contoso": "some disks take the files of 'contoso' and 'Contoso' for one: rename one of them",
        "Contoso": "some disks take the files of 'Contoso' and 'contoso' for one: rename one of them",
    }


@given(st.dictionaries(st.text(min_size=1).map(file_key).filter(bool), st.sampled_from("abc"), max_size=12))
def test_each_host_is_in_the_one_fleet_of_its_application(clients: dict[str, str]) -> None:
    found = members(run({name: customer(client) for name, client in clients.items()}))
    assert sorted(name for names in found.values() for name in names) == sorted(clients)
    assert len(found) == len(set(clients.values()))
    for leader, names in found.items():
        assert {clients[name] for name in names} == {clients[leader]}
