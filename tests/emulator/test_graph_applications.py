# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/applications``: register, read, change, list, delete, and what is refused."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import READ_INCIDENTS, XDR_APP_ID, Caller, Graph, refusal


def test_what_was_written_comes_back_with_what_graph_adds(graph: Graph) -> None:
    created = graph.application(uniqueName="contoso-mssp", tags=["a"], vendorThing={"kept": [1, 2]})
    assert created["@odata.context"].endswith("$metadata#applications/$entity")
    assert created["id"] != created["appId"]
    assert (created["uniqueName"], created["publisherDomain"]) == ("contoso-mssp", "northwind.example")
    assert (created["identifierUris"], created["keyCredentials"], created["passwordCredentials"]) == ([], [], [])
    assert created["vendorThing"] == {"kept": [1, 2]}
    created.pop("@odata.context")
    for path in (
        f"applications/{created['id']}",
        f"applications(appId='{created['appId']}')",
        "applications(uniqueName='contoso-mssp')",
    ):
        read = graph.expect(200, "GET", path)
        read.pop("@odata.context")
        assert read == created


def test_the_answer_can_be_traced(graph: Graph) -> None:
    mine = str(uuid.uuid4())
    answer = graph.call("GET", "applications/none", **{"client-request-id": mine})
    error = answer.json()["error"]
    assert refusal(answer) == (404, "Request_ResourceNotFound")
    assert error["message"].startswith("Resource 'none' does not exist or one of its queried")
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    assert error["innerError"]["client-request-id"] == mine == answer.headers["client-request-id"]
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    assert answer.headers["x-ms-resource-unit"] == "1"
    assert graph.call("GET", "applications").headers["request-id"]


def test_upsert_by_unique_name(graph: Graph) -> None:
    path, prefer = "applications(uniqueName='o''hara')", {"Prefer": "create-if-missing"}
    assert refusal(graph.call("PATCH", path, {"displayName": "A"})) == (404, "Request_ResourceNotFound")
    created = graph.expect(201, "PATCH", path, {"displayName": "A"}, **prefer)
    assert (created["uniqueName"], created["signInAudience"]) == ("o'hara", "AzureADandPersonalMicrosoftAccount")
    graph.expect(204, "PATCH", path, {"displayName": "B"}, **prefer)
    graph.expect(204, "PATCH", path, {"notes": "C"})
    found = graph.expect(200, "GET", path)
    assert (found["id"], found["displayName"], found["notes"]) == (created["id"], "B", "C")
    assert refusal(graph.call("PATCH", path, {"uniqueName": "x"}, **prefer)) == (400, "Request_BadRequest")
    nameless = graph.call("PATCH", "applications(uniqueName='new')", {}, **prefer)
    assert nameless.json()["error"]["details"][0]["target"] == "displayName"


def test_a_unique_name_is_unique_and_stays(graph: Graph) -> None:
    first, second = graph.application(uniqueName="one"), graph.application()
    taken = (409, "Request_MultipleObjectsWithSameKeyValue")
    assert refusal(graph.call("POST", "applications", {"displayName": "x", "uniqueName": "ONE"})) == taken
    assert refusal(graph.call("PATCH", f"applications/{second['id']}", {"uniqueName": "one"})) == taken
    graph.expect(204, "PATCH", f"applications/{second['id']}", {"uniqueName": "two"})
    graph.expect(204, "PATCH", f"applications/{second['id']}", {"uniqueName": "two"})
    graph.expect(400, "PATCH", f"applications/{first['id']}", {"uniqueName": "three"})


def test_patch_replaces_collections_and_leaves_the_rest(graph: Graph) -> None:
    created = graph.application(web={"redirectUris": ["https://a.example/"], "homePageUrl": "https://home.example"})
    path = f"applications(appId='{created['appId']}')"
    graph.expect(204, "PATCH", path, {"web": {"redirectUris": ["https://b.example/x"]}, "requiredResourceAccess": []})
    changed = graph.expect(200, "GET", path)
    assert changed["web"]["redirectUris"] == ["https://b.example/x"]
    assert changed["web"]["homePageUrl"] == "https://home.example"
    assert (changed["requiredResourceAccess"], changed["displayName"]) == ([], created["displayName"])


def _access(api: str = XDR_APP_ID, role: str = READ_INCIDENTS, kind: str = "Role") -> list[dict[str, Any]]:
    return [{"resourceAppId": api, "resourceAccess": [{"id": role, "type": kind}]}]


REFUSED = {
    "no name": {"displayName": None},
    "empty name": {"displayName": ""},
    "long name": {"displayName": "x" * 257},
    "number for a name": {"displayName": 7},
    "unknown audience": {"signInAudience": "Everybody"},
    "own app id": {"appId": str(uuid.uuid4())},
    "own domain": {"publisherDomain": "microsoft.com"},
    "secret": {"passwordCredentials": [{"secretText": "mine"}]},
    "http": {"web": {"redirectUris": ["http://soc.example/consent"]}},
    "wildcard": {"web": {"redirectUris": ["https://*.soc.example/consent"]}},
    "fragment": {"web": {"redirectUris": ["https://soc.example/consent#x"]}},
    "relative": {"web": {"redirectUris": ["/consent"]}},
    "long uri": {"web": {"redirectUris": ["https://soc.example/" + "x" * 237]}},
    "twice": {"web": {"redirectUris": ["https://soc.example/", "https://soc.example/"]}},
    "no list": {"web": {"redirectUris": "https://soc.example/"}},
    "malformed api": {"requiredResourceAccess": _access(api="xdr")},
    "malformed role": {"requiredResourceAccess": _access(role="Incident.Read.All")},
    "other kind": {"requiredResourceAccess": _access(kind="Application")},
    "api twice": {"requiredResourceAccess": _access() * 2},
    "empty api": {"requiredResourceAccess": [{"resourceAppId": XDR_APP_ID, "resourceAccess": []}]},
    "no certificate": {"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": "bm90aGluZw=="}]},
}


@pytest.mark.parametrize("name", REFUSED)
def test_properties_that_are_refused(graph: Graph, name: str) -> None:
    properties = {"displayName": "x", **REFUSED[name]}
    assert refusal(graph.call("POST", "applications", properties)) == (400, "Request_BadRequest")
    assert graph.expect(200, "GET", "applications?$filter=displayName eq 'x'")["value"] == []
    created = graph.application()
    refused = graph.call("PATCH", f"applications/{created['id']}", REFUSED[name])
    assert refusal(refused) == (400, "Request_BadRequest")
    unchanged = graph.expect(200, "GET", f"applications/{created['id']}")
    assert unchanged == {**created, "@odata.context": unchanged["@odata.context"]}


@pytest.mark.parametrize(
    "properties",
    [
        {"web": {"redirectUris": ["http://localhost:8080/x", "https://soc.example/" + "x" * 236]}},
        {"requiredResourceAccess": _access(api=str(uuid.uuid4()), role=str(uuid.uuid4()), kind="Scope")},
        {"publicClient": {"redirectUris": ["msal://x"]}},
    ],
)
def test_properties_that_are_not_looked_into(graph: Graph, properties: dict[str, Any]) -> None:
    graph.application(**properties)


@pytest.mark.parametrize("content", ["{", "[]", '"x"'])
def test_a_body_that_is_no_object(graph: Graph, content: str) -> None:
    answer = graph.caller.session.post(
        f"{graph.emulator.url}/v1.0/applications",
        data=content,
        headers={"Authorization": f"Bearer {graph.token}", "Content-Type": "application/json"},
        timeout=10,
    )
    assert refusal(answer) == (400, "BadRequest")


def _names(answer: dict[str, Any]) -> list[str]:
    return [item["displayName"] for item in answer["value"]]


def test_lists_can_be_filtered_cut_and_paged(graph: Graph) -> None:
    made = [graph.application(displayName=f"SOC {number}", uniqueName=f"soc-{number}") for number in range(5)]
    everything = graph.expect(200, "GET", "applications")
    assert set(_names(everything)) == {"Northwind SOC", "Northwind Registrar", *(f"SOC {n}" for n in range(5))}
    for query in (f"appId eq '{made[2]['appId']}'", "displayName eq 'soc 2'", "uniqueName eq 'soc-2'"):
        assert _names(graph.expect(200, "GET", f"applications?$filter={query}")) == ["SOC 2"]
    start = "applications?$filter=startswith(displayName,'soc')&$select=displayName&$top=2"
    page = graph.expect(200, "GET", f"{start}&$count=true", ConsistencyLevel="eventual")
    assert page["@odata.count"] == 5
    found, turns = page["value"], 1
    while "@odata.nextLink" in page:
        page = graph.expect(
            200,
            "GET",
            page["@odata.nextLink"].removeprefix(f"{graph.emulator.url}/v1.0/"),
            ConsistencyLevel="eventual",
        )
        found, turns = found + page["value"], turns + 1
    assert (turns, found) == (3, [{"displayName": f"SOC {number}"} for number in range(5)])


@pytest.mark.parametrize(
    "query",
    [
        "$filter=notes eq 'x'",
        "$filter=startswith(appId,'x')",
        "$filter=startswith(displayName 'x')",
        "$select=nothing",
        "$top=0",
        "$top=1000",
        "$top=x",
        "$count=true",
        "$skiptoken=x",
        "$orderby=displayName",
    ],
)
def test_a_query_that_graph_does_not_take(graph: Graph, query: str) -> None:
    answer = graph.call("GET", f"applications?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] in ("Request_BadRequest", "Request_UnsupportedQuery")


def test_deleting_takes_the_principal_at_home_and_every_token(graph: Graph, caller: Caller) -> None:
    created = graph.application()
    secret = graph.secret(created)["secretText"]
    graph.expect(201, "POST", "servicePrincipals", {"appId": created["appId"]})
    graph.emulator.control("POST", f"tenants/contoso.example/consent?client_id={created['appId']}")
    credentials = {"client_id": created["appId"], "client_secret": secret}
    assert caller.ask_token(**credentials).status_code == 200
    graph.expect(204, "DELETE", f"applications/{created['id']}")
    graph.expect(404, "GET", f"applications/{created['id']}")
    graph.expect(404, "DELETE", f"applications(appId='{created['appId']}')")
    graph.expect(404, "GET", f"servicePrincipals(appId='{created['appId']}')")
    assert caller.ask_token(**credentials).json()["error_codes"] == [700016]
    left = graph.emulator.control("GET", "service-principals/contoso.example")
    assert [principal["displayName"] for principal in left] == ["Contoso MSSP"]


def test_another_tenants_application_is_not_there(graph: Graph) -> None:
    foreign = graph.emulator.connection["foreign_client_id"]
    assert refusal(graph.call("GET", f"applications(appId='{foreign}')")) == (404, "Request_ResourceNotFound")
    assert "Adatum Backup" not in _names(graph.expect(200, "GET", "applications"))
    principal = graph.expect(200, "GET", f"servicePrincipals(appId='{foreign}')")
    assert principal["displayName"] == "Adatum Backup"
    assert principal["appOwnerOrganizationId"] == graph.emulator.tenant_id("adatum")


def test_a_path_that_is_none(graph: Graph) -> None:
    assert refusal(graph.call("GET", "applicatons")) == (400, "BadRequest")
    assert refusal(graph.call("PUT", "applications", {})) == (405, "Request_BadRequest")


def test_who_writes_all_makes_owners_and_who_writes_its_own_does_not(graph: Graph, emulator: EmulatorProcess) -> None:
    made = graph.application()
    path = f"applications/{made['id']}/owners"
    (creator,) = graph.expect(200, "GET", path)["value"]
    assert creator["appId"] == emulator.registrar_client_id
    principals = emulator.control("GET", f"service-principals/{emulator.home_tenant_id}")
    (sample,) = (item["id"] for item in principals if item["appId"] == emulator.client_id)
    reference = {"@odata.id": f"{emulator.url}/v1.0/directoryObjects/{sample}"}
    assert refusal(graph.call("POST", f"{path}/$ref", reference)) == (403, "Authorization_RequestDenied")
    graph.may("Application.ReadWrite.All")
    graph.expect(204, "POST", f"{path}/$ref", reference)
    assert {item["id"] for item in graph.expect(200, "GET", f"{path}?$select=id")["value"]} == {creator["id"], sample}
    assert graph.call("POST", f"{path}/$ref", reference).status_code == 400
    for wrong in ({}, [], {"@odata.id": sample}, {"@odata.id": f"{emulator.url}/v1.0/users/{sample}"}):
        assert graph.call("POST", f"{path}/$ref", wrong).status_code == 400
    gone = {"@odata.id": f"{emulator.url}/v1.0/directoryObjects/{made['id']}"}
    assert graph.call("POST", f"{path}/$ref", gone).status_code == 404
