# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from support.scripted_entra import ScriptedEntra, token_path
from support.scripted_graph import DENIED, NOT_FOUND, graph_at, graph_token
from support.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.customers import partners
from ansible_collections.mssp.defender.plugins.module_utils._core.customers.customer import Customer
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.graph import Graph

ONE = "44444444-4444-4444-8444-444444444441"
TWO = "44444444-4444-4444-8444-444444444442"
CUSTOMERS = "/v1.0/tenantRelationships/delegatedAdminCustomers"
RELATIONSHIPS = "/v1.0/tenantRelationships/delegatedAdminRelationships"
CONTRACTS = "/v1.0/contracts"
FIND = "/v1.0/tenantRelationships/findTenantInformationByDomainName(domainName='contoso.example')"
ROLE = "5d6b6bb7-de71-4623-b4af-96380a352509"


@pytest.fixture
def graph(entra: ScriptedEntra) -> Graph:
    entra.server.script(token_path(), entra.granting(graph_token(entra)))
    return graph_at(entra, settle_seconds=0)


def customer(tenant_id: str, name: str | None) -> dict[str, Any]:
    return {"id": tenant_id, "tenantId": tenant_id, "displayName": name}


def relationship(tenant_id: str | None, status: str, number: int = 1) -> dict[str, Any]:
    return {
        "id": f"relationship-{number}",
        "displayName": "SOC",
        "status": status,
        "customer": tenant_id and {"tenantId": tenant_id, "displayName": "x"},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": ROLE}]},
        "endDateTime": "2027-05-01T00:00:00Z",
    }


def page(*members: dict[str, Any], following: str | None = None) -> Answer:
    return Answer({"value": list(members)} | ({"@odata.nextLink": following} if following else {}))


def test_customers_have_their_relationships_of_the_statuses_wanted(graph: Graph, server: ScriptedServer) -> None:
    server.script(CUSTOMERS, page(customer(ONE.upper(), "Contoso Ltd."), customer(TWO, "Fabrikam")))
    server.script(
        RELATIONSHIPS,
        page(
            relationship(ONE, "active", 1),
            relationship(ONE, "terminated", 2),
            relationship(TWO, "expired", 3),
            relationship(None, "active", 4),
        ),
    )
    (found,) = partners.with_relationships(graph, ["active"])
    known = [{"id": "relationship-1", "name": "SOC", "status": "active", "roles": [ROLE]}]
    known[0]["ends_at"] = "2027-05-01T00:00:00Z"
    source = ("delegated_admin_customers",)
    assert found == Customer("Contoso-Ltd-444444444441", "Contoso Ltd.", ONE, source, relationships=known)
    assert server.requests_to(CUSTOMERS)[0].query == {"$top": "300"}


def test_all_pages_are_read(graph: Graph, server: ScriptedServer) -> None:
    more = f"{server.url}{CONTRACTS}?$skiptoken=2"
    contract = {"customerId": ONE, "displayName": "A", "defaultDomainName": "a.example", "contractType": "R"}
    server.script(CONTRACTS, page(contract, following=more), page({"customerId": TWO, "displayName": None}))
    assert partners.with_contracts(graph) == [
        Customer("A-444444444441", "A", ONE, ("contracts",), domain="a.example", contract_type="R"),
        Customer(TWO, TWO, TWO, ("contracts",)),
    ]


def test_a_refusal_names_the_permission_and_who_grants_it(graph: Graph, server: ScriptedServer) -> None:
    server.script(CONTRACTS, DENIED)
    with pytest.raises(TenantError, match="refused to list the contracts of the partner") as refused:
        partners.with_contracts(graph)
    assert "grant Directory.Read.All (application permission" in refused.value.reason.remedy
    assert refused.value.reason.to_result()["who"] == "provider"


@pytest.mark.parametrize("answer", [Answer({}), Answer({"value": None}), NOT_FOUND])
def test_what_is_no_list_is_not_taken_for_an_empty_one(graph: Graph, server: ScriptedServer, answer: Answer) -> None:
    server.script(CONTRACTS, answer)
    with pytest.raises(TenantError, match="list the contracts of the partner"):
        partners.with_contracts(graph)


def test_a_customer_without_a_tenant_is_no_customer(graph: Graph, server: ScriptedServer) -> None:
    server.script(CONTRACTS, page({"displayName": "A"}))
    with pytest.raises(TenantError, match=r"named a customer without a tenant \(customerId is not a GUID\)"):
        partners.with_contracts(graph)


def test_a_domain_is_found_with_its_tenant_or_not_at_all(graph: Graph, server: ScriptedServer) -> None:
    server.script(FIND, Answer({"tenantId": ONE, "displayName": "Contoso"}), NOT_FOUND)
    assert partners.tenant_of_domain(graph, "contoso.example") == ONE
    assert partners.tenant_of_domain(graph, "contoso.example") is None
