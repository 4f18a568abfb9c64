# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of customers as Microsoft knows them: delegated administration, contracts, and tenants of domains."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.ansible_runs import Ansible
from support.emulator import EmulatorProcess
from support.inventories import CustomerInventory

from ansible_collections.mssp.defender.plugins.inventory import customers as plugin

ROOT = Path(__file__).resolve().parents[2]
CAN_READ = ["DelegatedAdminRelationship.Read.All", "Directory.Read.All", "CrossTenantInformation.ReadBasic.All"]
STRANGER = "99999999-9999-4999-8999-999999999999"
ENDS = "2027-05-01T00:00:00Z"
ROLE = "5d6b6bb7-de71-4623-b4af-96380a352509"


@pytest.fixture
def customers(ansible: Ansible) -> CustomerInventory:
    """The application may read what a partner has."""
    inventory = CustomerInventory(ansible)
    grant(inventory, *CAN_READ)
    return inventory


def grant(inventory: CustomerInventory, *roles: str) -> None:
    emulator = inventory.ansible.emulator
    emulator.control("POST", f"tenants/{emulator.home_tenant_id}/consent", {"roles": roles})


def has(emulator: EmulatorProcess, **partnership: list[dict[str, Any]]) -> None:
    emulator.control("POST", "partner", partnership)


def relationship(tenant_id: str, status: str = "active", number: int = 1) -> dict[str, Any]:
    return {
        "id": f"relationship-{number}",
        "displayName": "SOC",
        "status": status,
        "customer": {"tenantId": tenant_id, "displayName": "x"},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": ROLE}]},
        "endDateTime": ENDS,
    }


def test_customers_of_both_kinds_complete_a_list(customers: CustomerInventory, emulator: EmulatorProcess) -> None:
    contoso, fabrikam = emulator.tenant_id("contoso"), emulator.tenant_id("fabrikam")
    has(
        emulator,
        customers=[
            {"tenantId": contoso, "displayName": "Contoso Ltd."},
            {"tenantId": fabrikam, "displayName": "Fabrikam"},
            {"tenantId": STRANGER, "displayName": "Contoso Ltd."},
        ],
        relationships=[
            relationship(contoso),
            relationship(fabrikam, "terminated", 2),
            relationship(STRANGER, number=3),
        ],
        contracts=[{"customerId": contoso, "displayName": "Contoso AG", "defaultDomainName": "contoso.example"}],
    )
    customers.file("a.csv", f"name,tenant_id,tier\nour contoso,{contoso},gold\n")
    source = customers.config(
        files=["a.csv"],
        partner=["delegated_admin_customers", "contracts"],
        groups={"resold": "partner_access_customer.contract_type | default('') == 'ResellerPartner'"},
        **customers.partner,
    )
    listing = customers.read(source)
    assert listing.code == 0, listing.output
    known = {"id": "relationship-1", "name": "SOC", "status": "active", "ends_at": ENDS, "roles": [ROLE]}
    assert listing.hosts == {
        "our-contoso": {
            "tier": "gold",
            "partner_access_tenant_id": contoso,
            "partner_access_customer": {
                "name": "our contoso",
                "domain": "contoso.example",
                "sources": ["a.csv line 2", "delegated_admin_customers", "contracts"],
                "relationships": [known],
                "contract_type": "ResellerPartner",
            },
        },
        "Contoso-Ltd-999999999999": {
            "partner_access_tenant_id": STRANGER,
            "partner_access_customer": {
                "name": "Contoso Ltd.",
                "sources": ["delegated_admin_customers"],
                "relationships": [{**known, "id": "relationship-3"}],
            },
        },
    }
    assert listing.group("resold") == {"our-contoso"}
    assert emulator.client_secret not in listing.output


def test_other_statuses_can_be_taken_and_names_are_told_apart(
    customers: CustomerInventory, emulator: EmulatorProcess
) -> None:
    contoso = emulator.tenant_id("contoso")
    has(
        emulator,
        customers=[{"tenantId": tenant, "displayName": "Same"} for tenant in (contoso, STRANGER)],
        relationships=[relationship(contoso, "expiring"), relationship(STRANGER, "active", 2)],
    )
    statuses = ["active", "expiring"]
    source = customers.config(partner=["delegated_admin_customers"], relationship_status=statuses, **customers.partner)
    assert customers.read(source).tenants() == {f"Same-{contoso[-12:]}": contoso, "Same-999999999999": STRANGER}


def test_a_customer_that_takes_the_name_of_another_renames_nobody(
    customers: CustomerInventory, emulator: EmulatorProcess
) -> None:
    contoso = emulator.tenant_id("contoso")
    source = customers.config(partner=["contracts"], **customers.partner)
    names = []
    for stranger in ("Fabrikam", "CONTOSO", "customers", "all", "../contoso"):
        has(
            emulator,
            contracts=[
                {"customerId": STRANGER, "displayName": stranger},
                {"customerId": contoso, "displayName": "Contoso"},
            ],
        )
        listing = customers.read(source)
        assert listing.code == 0, listing.output
        assert listing.group("customers") == set(listing.hosts)
        by_tenant = {tenant: name for name, tenant in listing.tenants().items()}
        assert set(by_tenant) == {contoso, STRANGER}
        names.append(by_tenant[contoso])
    assert set(names) == {f"Contoso-{contoso[-12:]}"}


def test_a_list_is_worked_on_by_the_playbooks_as_it_is(customers: CustomerInventory, emulator: EmulatorProcess) -> None:
    emulator.control("POST", f"tenants/{emulator.tenant_id('contoso')}/consent")
    customers.file("a.csv", "name,domain\nContoso Ltd.,contoso.example\nnobody,nobody.example\n")
    source = customers.config(files=["a.csv"])
    customers.file("group_vars/customers.json", json.dumps(customers.ansible.variables))
    run = customers.ansible.run(["ansible-playbook", "-i", str(source), "mssp.defender.verify"], {})
    assert run.states(["Contoso-Ltd", "nobody"]) == {"Contoso-Ltd": "granted", "nobody": "unknown_tenant"}


@pytest.mark.parametrize("resolve", ["discovery", "graph"])
def test_domains_become_tenants(customers: CustomerInventory, emulator: EmulatorProcess, resolve: str) -> None:
    customers.file("a.csv", "name,domain\na,contoso.example\nb,fabrikam.example\nc,nobody.example\n")
    source = customers.config(files=["a.csv"], resolve=resolve, **customers.partner)
    listing = customers.read(source)
    assert listing.tenants() == {
        "a": emulator.tenant_id("contoso"),
        "b": emulator.tenant_id("fabrikam"),
        "c": "nobody.example",
    }
    assert listing.says("no tenant has the domain of c (a.csv line 4: nobody.example): correct the list; until then")


def test_an_unknown_domain_fails_a_strict_inventory(customers: CustomerInventory) -> None:
    customers.file("a.csv", "name,domain\nc,nobody.example\n")
    listing = customers.read(customers.config(files=["a.csv"], strict=True))
    assert listing.code != 0
    assert listing.says("no tenant has the domain of c (a.csv line 2: nobody.example): correct the list")


def test_graph_refusing_the_partner_read_names_the_permission(customers: CustomerInventory) -> None:
    grant(customers, "Directory.Read.All")
    customers.file("a.csv", f"name,tenant_id\na,{STRANGER}\n")
    source = customers.config(files=["a.csv"], partner=["delegated_admin_customers"], **customers.partner)
    listing = customers.read(source)
    assert listing.code != 0
    assert listing.says("refused to list the relationships of delegated administration")
    assert listing.says(
        "provider: grant DelegatedAdminRelationship.Read.All (application permission of Microsoft Graph)"
    )
    assert "Traceback" not in listing.output


def test_an_unreachable_graph_fails_the_inventory_and_shrinks_nothing(
    customers: CustomerInventory, fault: Callable[..., None]
) -> None:
    customers.file("a.csv", f"name,tenant_id\na,{STRANGER}\n")
    source = customers.config(files=["a.csv"], partner=["contracts"], retries=0, **customers.partner)
    fault("server_error", path="/contracts", status=503)
    listing = customers.read(source, ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="false")
    assert listing.hosts == {}
    assert listing.says("keeps answering HTTP 503 (503); provider: run again later.")


def test_the_cache_spares_the_services_until_it_ends(
    customers: CustomerInventory, emulator: EmulatorProcess, count_requests: Callable[[str], int]
) -> None:
    emulator.control("POST", "partner-all")
    customers.file("a.csv", "name,domain\na,contoso.example\n")
    options = {
        "files": ["a.csv"],
        "partner": ["contracts"],
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(customers.place / "kept"),
        **customers.partner,
    }
    source = customers.config(**options)
    first = customers.read(source)
    assert len(first.hosts) == len(emulator.connection["tenants"])
    asked = [count_requests("/contracts"), count_requests("/contoso.example/")]
    assert all(asked)
    customers.file("a.csv", "name,domain,city\na,contoso.example,Wien\n")
    again = customers.read(source)
    assert [count_requests("/contracts"), count_requests("/contoso.example/")] == asked
    # the list is read anew all the same
    assert again.hosts["a"]["city"] == "Wien"
    assert again.tenants() == first.tenants()
    # other questions are not answered from it
    customers.read(customers.config(**{**options, "partner": ["delegated_admin_customers"]}))
    assert count_requests("/delegatedAdminCustomers") > 0
    assert all(emulator.client_secret not in path.read_text() for path in Path(customers.place / "kept").iterdir())


def test_configurations_of_the_documentation_work(customers: CustomerInventory, emulator: EmulatorProcess) -> None:
    """Those of the page and of ansible-doc, with the lists of the page, against the emulator."""
    emulator.control("POST", "partner-all")
    page = (ROOT / "docs" / "inventory.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"(?:^    [^\n]+;[^\n]+\n)+", page, re.MULTILINE)
    customers.file("lists/customers.csv", listed.replace("    ", ""))
    customers.file("lists/crm-export.csv", f"Account,Microsoft ID,Country\nContoso,{STRANGER},AT\n")
    blocks = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
    (rows,) = [block for block in blocks if isinstance(block, list)]
    customers.file("lists/customers.yml", json.dumps(rows))
    configurations = [block for block in blocks if isinstance(block, dict)]
    configurations += list(yaml.safe_load_all(plugin.EXAMPLES))
    configurations.append({"files": ["lists/customers.yml"]})
    sources = []
    for number, configuration in enumerate(configurations):
        asking = customers.partner if "partner" in configuration else {}
        sources.append(customers.config(f"{number}.customers.yml", **{**configuration, **asking}))
    assert len(sources) == 6
    listing = customers.read(*sources)
    assert listing.code == 0, listing.output
    assert {"Contoso-Ltd", "Fabrikam", "Contoso", "contoso", "fabrikam"} <= set(listing.hosts)
    assert listing.group("golden") == {"Contoso-Ltd"}
    assert listing.group("country_AT") == {"Contoso-Ltd", "Contoso"}
    ending = [known for known in listing.hosts.values() if "contract_ends_at" in known]
    tenants = {tenant["tenant_id"] for tenant in emulator.connection["tenants"]}
    assert tenants <= {known["partner_access_tenant_id"] for known in ending}
