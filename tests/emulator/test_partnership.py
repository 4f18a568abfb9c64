# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A partner's customers, relationships and contracts, and tenants by domain or id."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller, Graph, claims_of, refusal

RELATIONSHIPS = "tenantRelationships/delegatedAdminRelationships"
CUSTOMERS = "tenantRelationships/delegatedAdminCustomers"
BY_DOMAIN = "tenantRelationships/findTenantInformationByDomainName(domainName='{}')"
BY_ID = "tenantRelationships/findTenantInformationByTenantId(tenantId='{}')"
STRANGER = "11111111-2222-4333-8444-555555555555"
READ = ("DelegatedAdminRelationship.Read.All", "Directory.Read.All", "CrossTenantInformation.ReadBasic.All")


@pytest.fixture
def partner(graph: Graph) -> Graph:
    """Graph at home, for a caller who may read all of this."""
    graph.may(*READ)
    return graph


def _all(graph: Graph, path: str) -> list[dict[str, Any]]:
    """Every record, page after page."""
    records: list[dict[str, Any]] = []
    while path:
        page = graph.expect(200, "GET", path)
        records += page["value"]
        path = page.get("@odata.nextLink", "").removeprefix(f"{graph.emulator.url}/v1.0/")
    return records


def _ids(graph: Graph, path: str) -> list[str]:
    return [record["id"] for record in _all(graph, path)]


def test_a_provider_begins_without_customers(partner: Graph) -> None:
    assert [_all(partner, path) for path in (CUSTOMERS, RELATIONSHIPS, "contracts")] == [[], [], []]


def test_every_tenant_as_a_customer(partner: Graph) -> None:
    assert partner.emulator.control("POST", "partner-all") == {"customers": 5}
    contoso = partner.emulator.tenant_id("contoso")
    customers = _all(partner, CUSTOMERS)
    assert (customers[0]["id"], customers[0]["displayName"]) == (contoso, "Contoso")
    assert len(customers) == len({one["@odata.etag"] for one in customers}) == 5
    relationship = _all(partner, RELATIONSHIPS)[0]
    assert relationship["customer"] == {"tenantId": contoso, "displayName": "Contoso"}
    assert (relationship["status"], relationship["duration"], len(relationship["id"])) == ("active", "P730D", 73)
    assert relationship["activatedDateTime"] < time.strftime("%Y-%m-%d", time.gmtime()) < relationship["endDateTime"]
    assert relationship["accessDetails"]["unifiedRoles"][0]["roleDefinitionId"]
    assert _all(partner, "contracts")[0] == {
        "id": _ids(partner, "contracts")[0],
        "contractType": "ResellerPartner",
        "customerId": contoso,
        "defaultDomainName": "contoso.example",
        "displayName": "Contoso",
    }
    partner.emulator.control("POST", "reset")
    partner.may(*READ)
    assert _all(partner, CUSTOMERS) == []


def test_documents_are_put_replaced_and_cleared(partner: Graph) -> None:
    control = partner.emulator.control
    odd = "{{ lookup('pipe', 'id') }} & Söhne"
    put = control(
        "POST",
        "partner",
        {
            "customers": [{"tenantId": STRANGER, "displayName": odd}, {"tenantId": "fabrikam.example"}],
            "relationships": [{"status": "created"}, {"customer": {"tenantId": STRANGER}, "status": "expired"}],
            "contracts": [{"customerId": STRANGER, "contractType": "BreadthPartner"}],
        },
    )
    assert put["customers"] == [STRANGER, partner.emulator.tenant_id("fabrikam")]
    assert [one["displayName"] for one in _all(partner, CUSTOMERS)] == [odd, "Fabrikam"]
    created, expired = _all(partner, RELATIONSHIPS)
    assert [created["id"], expired["id"]] == put["relationships"]
    assert (created["customer"], created["activatedDateTime"], created["endDateTime"]) == (None, None, None)
    assert expired["customer"]["tenantId"] == STRANGER
    assert expired["endDateTime"] < time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    assert _all(partner, "contracts")[0]["contractType"] == "BreadthPartner"
    control("POST", "partner", {"customers": [{"tenantId": STRANGER, "displayName": "Renamed"}]})
    assert [one["displayName"] for one in control("GET", "partner")["customers"]] == ["Renamed", "Fabrikam"]
    control("DELETE", "partner")
    assert control("GET", "partner") == {"customers": [], "relationships": [], "contracts": []}


def test_relationships_are_filtered(partner: Graph) -> None:
    contoso, fabrikam = (partner.emulator.tenant_id(name) for name in ("contoso", "fabrikam"))
    statuses = {"active": contoso, "terminated": contoso, "approvalPending": fabrikam}
    put = partner.emulator.control(
        "POST",
        "partner",
        {"relationships": [{"status": s, "customer": {"tenantId": t}} for s, t in statuses.items()] + [{}]},
    )
    active, terminated, pending, nobody = put["relationships"]
    for expression, ids in {
        "status eq 'active'": [active, nobody],
        f"customer/tenantId eq '{contoso}'": [active, terminated],
        f"customer/tenantId eq '{contoso}' and status ne 'terminated'": [active],
        "status eq 'approvalPending' or status eq 'terminated'": [terminated, pending],
    }.items():
        assert _ids(partner, f"{RELATIONSHIPS}?$filter={expression}") == ids, expression
    for expression in ("status eq 'dormant'", "duration eq 'P730D'", "customer eq null"):
        assert refusal(partner.call("GET", f"{RELATIONSHIPS}?$filter={expression}"))[0] == 400, expression


def test_contracts_are_filtered_and_properties_selected(partner: Graph) -> None:
    partner.emulator.control("POST", "partner-all")
    path = "contracts?$filter=defaultDomainName eq 'Contoso.example'&$select=customerId"
    assert _all(partner, path) == [{"customerId": partner.emulator.tenant_id("contoso")}]
    tenant_id = partner.emulator.tenant_id("fabrikam")
    assert len(_all(partner, f"contracts?$filter=customerId eq '{tenant_id}'")) == 1


@pytest.mark.parametrize(("path", "limit"), [(CUSTOMERS, 300), (RELATIONSHIPS, 300), ("contracts", 999)])
def test_pages_have_a_limit(partner: Graph, path: str, limit: int) -> None:
    partner.emulator.control("POST", "partner-all")
    page = partner.expect(200, "GET", f"{path}?$top=2")
    assert len(page["value"]) == 2
    assert parse_qs(urlsplit(page["@odata.nextLink"]).query)["$top"] == ["2"]
    assert len(set(_ids(partner, f"{path}?$top=2"))) == 5
    assert len(partner.expect(200, "GET", f"{path}?$top={limit}")["value"]) == 5
    assert refusal(partner.call("GET", f"{path}?$top={limit + 1}")) == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    ("path", "role"),
    [
        (CUSTOMERS, "DelegatedAdminRelationship.Read.All"),
        (RELATIONSHIPS, "DelegatedAdminRelationship.Read.All"),
        ("contracts", "Directory.Read.All"),
        (BY_DOMAIN.format("contoso.example"), "CrossTenantInformation.ReadBasic.All"),
        (BY_ID.format(STRANGER), "CrossTenantInformation.ReadBasic.All"),
    ],
)
def test_each_call_needs_its_app_role(graph: Graph, path: str, role: str) -> None:
    graph.may(*(other for other in READ if other != role), "Application.Read.All")
    assert refusal(graph.call("GET", path)) == (403, "Authorization_RequestDenied")
    graph.may(role)
    assert graph.call("GET", path).status_code in (200, 404)


def test_another_tenant_is_nobodys_partner(partner: Graph, caller: Caller) -> None:
    """Whoever may read it there gets nothing."""
    partner.emulator.control("POST", "partner-all")
    partner.emulator.control("POST", "tenants/contoso.example/consent", {"roles": list(READ)})
    token = caller.token("contoso", GRAPH_SCOPE)
    for path in (CUSTOMERS, RELATIONSHIPS, "contracts"):
        answer = caller.get(f"/v1.0/{path}", token)
        assert (answer.status_code, answer.json()["value"]) == (200, [])


@pytest.mark.parametrize("domain", ["contoso.example", "CONTOSO.example", "northwind.example"])
def test_a_tenant_is_found_by_its_domain_and_by_its_id(partner: Graph, domain: str) -> None:
    found = partner.expect(200, "GET", BY_DOMAIN.format(domain))
    assert found["defaultDomainName"] == domain.lower()
    assert found["federationBrandName"] is None
    assert found == partner.expect(200, "GET", BY_ID.format(found["tenantId"]))
    metadata = partner.caller.get(f"/{domain}/v2.0/.well-known/openid-configuration").json()
    assert found["tenantId"] in metadata["issuer"]


@pytest.mark.parametrize(
    "path",
    [BY_DOMAIN.format("nowhere.example"), BY_ID.format(STRANGER), BY_DOMAIN.format(STRANGER), BY_ID.format("o''no")],
)
def test_a_tenant_that_nobody_has(partner: Graph, path: str) -> None:
    assert refusal(partner.call("GET", path)) == (404, "Directory_ObjectNotFound")


def test_wire_faults_strike_these_calls_too(partner: Graph) -> None:
    for kind, status in (("throttle", 429), ("server_error", 500), ("not_json", 200)):
        partner.emulator.control("POST", "faults", {"kind": kind, "path": "delegatedAdmin", "times": 1})
        assert partner.call("GET", CUSTOMERS).status_code == status
        assert partner.call("GET", CUSTOMERS).json()["value"] == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"clients": []}, "customers, relationships, contracts"),
        ({"customers": [{"name": "x"}]}, "no 'name' to set"),
        ({"customers": [{"displayName": "x"}]}, "named by a GUID or an emulated tenant's domain"),
        ({"contracts": [{"customerId": "nowhere.example"}]}, "nowhere.example"),
        ({"relationships": [{"status": "dormant"}]}, "status must be one of created"),
        ({"relationships": [{"duration": "forever"}]}, "duration must be"),
        ({"relationships": [{"status": 3}]}, "'status' cannot be 3"),
    ],
)
def test_nonsense_is_refused_and_nothing_kept(emulator: EmulatorProcess, body: dict[str, Any], told: str) -> None:
    with pytest.raises(AssertionError, match=r": 400 ") as refused:
        emulator.control("POST", "partner", {"customers": [{"tenantId": STRANGER}], **body})
    assert told in str(refused.value)
    assert emulator.control("GET", "partner")["customers"] == []


def test_the_calls_of_the_documentation(emulator: EmulatorProcess) -> None:
    """The table of docs/emulator.md, row by row."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "emulator.md").read_text(encoding="utf-8")
    section = page.partition("## Having customers as a partner")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| [^|]+ \| (?:`(\w+) ([^`]+)`|the same) \| (?:`(.*)`)? ?\|$", section, re.MULTILINE)
    assert len(rows) == 6
    counts = []
    method, path = "", ""
    for given_method, given_path, body in rows:
        method, path = given_method or method, given_path or path
        emulator.control(method, path, json.loads(body) if body else None)
        counts.append(tuple(len(documents) for documents in emulator.control("GET", "partner").values()))
    assert counts == [(0, 0, 0), (5, 5, 5), (5, 5, 5), (5, 6, 5), (5, 6, 6), (0, 0, 0)]
    answer = Caller(emulator).ask_token(emulator.home_tenant_id, scope=GRAPH_SCOPE)
    assert set(claims_of(answer.json()["access_token"])["roles"]) == set(READ)


def test_five_thousand_customers(tmp_path: Path) -> None:
    """Made and read, and there again after a restart."""
    arguments = ("--tenants", "5000", "--state", str(tmp_path / "state.sqlite"))
    with EmulatorProcess(tmp_path, *arguments) as emulator:
        assert emulator.control("POST", "partner-all") == {"customers": 5000}
        graph = Graph(Caller(emulator))
        graph.may(*READ)
        for path in (f"{CUSTOMERS}?$top=300", f"{RELATIONSHIPS}?$top=300&$filter=status eq 'active'", "contracts"):
            assert len(set(_ids(graph, path))) == 5000
        last = emulator.connection["tenants"][-1]
        metadata = graph.caller.get(f"/{last['domain']}/v2.0/.well-known/openid-configuration")
        assert last["tenant_id"] in metadata.json()["issuer"]
    with EmulatorProcess(tmp_path, *arguments) as emulator:
        assert len(emulator.control("GET", "partner")["relationships"]) == 5000
