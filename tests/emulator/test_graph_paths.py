# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to write a path of Microsoft Graph, and what is said about one that nothing answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller, Graph, refusal

Consent = Callable[..., None]
INCIDENTS = "security/incidents"


@pytest.fixture
def token(caller: Caller, consented: Consent) -> str:
    consented("contoso", "Incident.Read.All", "SecurityIncident.Read.All", "SecurityAlert.Read.All")
    return caller.token(scope=GRAPH_SCOPE)


@pytest.mark.parametrize("root", ["v1.0", "beta", "v1.0/myorganization", "beta/myorganization"])
def test_a_list_links_to_where_it_was_asked_for(
    caller: Caller, emulator: EmulatorProcess, token: str, root: str
) -> None:
    first = caller.get(f"/{root}/{INCIDENTS}", token, **{"$top": 10}).json()
    assert first["@odata.context"].startswith(f"https://graph.microsoft.com/{root[:4].rstrip('/')}/$metadata#security")
    assert first["@odata.nextLink"].startswith(f"{emulator.url}/{root}/{INCIDENTS}?")
    second = caller.get(first["@odata.nextLink"].removeprefix(emulator.url), token).json()["value"]
    everything = caller.get(f"/v1.0/{INCIDENTS}", token).json()["value"]
    assert [*first["value"], *second] == everything[:20]


def test_the_directory_is_ones_own_organization(graph: Graph) -> None:
    created = graph.application()
    known = graph.expect(200, "GET", f"myorganization/applications/{created['id']}")
    assert known == graph.expect(200, "GET", f"applications/{created['id']}")
    graph.expect(204, "PATCH", f"myorganization/applications/{created['id']}", {"displayName": "Renamed"})
    listed = graph.expect(200, "GET", "myorganization/applications?$filter=displayName eq 'Renamed'")["value"]
    assert [one["id"] for one in listed] == [created["id"]]
    page = graph.expect(200, "GET", "myorganization/servicePrincipals?$top=1")
    assert page["@odata.nextLink"].startswith(f"{graph.emulator.url}/v1.0/myorganization/servicePrincipals?")


def test_a_slash_at_the_end_changes_nothing(caller: Caller, token: str) -> None:
    same = [caller.get(f"/v1.0/{INCIDENTS}{end}", token, **{"$top": 1}).json()["value"] for end in ("", "/")]
    assert same[0] == same[1]


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("GET", "beta/nowhere", 400, "segment 'nowhere'"),
        ("GET", "v1.0/security/nowhere", 400, "segment 'nowhere'"),
        ("GET", "beta/security/cases/ediscoveryCases", 400, "segment 'ediscoveryCases'"),
        ("GET", "v1.0", 400, "segment ''"),
        ("DELETE", f"v1.0/{INCIDENTS}", 405, "not allowed"),
        ("PUT", "beta/security/alerts_v2/1", 405, "not allowed"),
        ("GET", "v1.0/security/runHuntingQuery", 405, "not allowed"),
    ],
)
def test_graph_refuses_in_its_own_form(
    caller: Caller, emulator: EmulatorProcess, token: str, method: str, path: str, status: int, told: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = caller.session.request(method, f"{emulator.url}/{path}", headers=headers, timeout=10)
    assert answer.status_code == status
    assert told in answer.json()["error"]["message"]
    assert "innerError" in answer.json()["error"]
    without = caller.session.request(method, f"{emulator.url}/{path}", timeout=10)
    assert refusal(without) == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "api/nowhere", 404, "NotFound"),
        ("GET", "api/incidents/1/alerts", 404, "NotFound"),
        ("GET", "api/incidents/", 404, "NotFound"),
        ("POST", "api/incidents", 405, "MethodNotAllowed"),
        ("GET", "api/advancedhunting/run", 405, "MethodNotAllowed"),
    ],
)
def test_the_xdr_api_refuses_in_its_own_form(
    caller: Caller, emulator: EmulatorProcess, method: str, path: str, status: int, code: str
) -> None:
    answer = caller.session.request(method, f"{emulator.url}/{path}", timeout=10, allow_redirects=False)
    assert refusal(answer) == (status, code)
    assert set(answer.json()["error"]) == {"code", "message", "target"}


def test_properties_are_selected(caller: Caller, token: str) -> None:
    whole = caller.get(f"/v1.0/{INCIDENTS}", token, **{"$expand": "alerts"}).json()["value"]
    query = {"$select": "id, displayName", "$expand": "alerts", "$top": 5}
    part = caller.get(f"/v1.0/{INCIDENTS}", token, **query).json()
    names = ("id", "displayName", "alerts")
    assert part["value"] == [{name: one[name] for name in names} for one in whole[:5]]
    assert part["@odata.context"].endswith("#security/incidents(id,displayName)")
    one = caller.get(f"/v1.0/{INCIDENTS}/{whole[0]['id']}", token, **{"$select": "status"}).json()
    assert one.pop("@odata.context").endswith("#security/incidents(status)/$entity")
    assert one == {"status": whole[0]["status"]}
    alert = whole[0]["alerts"][0]
    listed = caller.get("/v1.0/security/alerts_v2", token, **{"$select": "id,title", "$top": 1000}).json()["value"]
    assert {"id": alert["id"], "title": alert["title"]} in listed
    assert all(set(one) == {"id", "title"} for one in listed)
    one = caller.get(f"/v1.0/security/alerts_v2/{alert['id']}", token, **{"$select": "category"}).json()
    assert one["category"] == alert["category"]
    assert "title" not in one


@pytest.mark.parametrize("path", [INCIDENTS, "security/alerts_v2"])
@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("$select", "id,nope", "property named 'nope'"),
        ("$count", "yes", "$count"),
        ("$orderby", "nope desc", "'nope desc'"),
        ("$orderby", "status down", "'status down'"),
        ("$search", "x", "'$search' is not supported"),
        ("$top", "-1", "$top"),
        ("$skiptoken", "€", "skip token"),
        ("$filter", "status in ('resolved'", "ends too early"),
    ],
)
def test_an_option_it_cannot_read(caller: Caller, token: str, path: str, option: str, value: str, told: str) -> None:
    answer = caller.get(f"/v1.0/{path}", token, **{option: value})
    assert refusal(answer) == (400, "")
    assert told in answer.json()["error"]["message"]


def test_lists_are_filtered_by_several_values_counted_and_put_in_order(caller: Caller, token: str) -> None:
    whole = caller.get(f"/v1.0/{INCIDENTS}", token).json()["value"]
    query = {"$filter": "status in ('active','resolved') and severity ne 'low'", "$count": "true"}
    body = caller.get(f"/v1.0/{INCIDENTS}", token, **query, **{"$orderby": "severity desc,createdDateTime"}).json()
    expected = [one for one in whole if one["status"] in ("active", "resolved") and one["severity"] != "low"]
    assert body["@odata.count"] == len(expected) > 0
    assert [one["id"] for one in body["value"]] == [
        one["id"]
        for severity in ("medium", "informational", "high")
        for one in sorted(expected, key=lambda one: _moment(one["createdDateTime"]))
        if one["severity"] == severity
    ]
    since = caller.get(f"/v1.0/{INCIDENTS}", token, **{"$filter": "createdDateTime ge 2020-01-01"}).json()["value"]
    assert since == whole


def _moment(text: str) -> str:
    whole, _mark, fraction = text.rstrip("Z").partition(".")
    return f"{whole}.{fraction:<07}"


def test_the_alerts_of_one_incident(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    whole = caller.get(f"/v1.0/{INCIDENTS}", token, **{"$expand": "alerts"}).json()["value"]
    incident = max(whole, key=lambda one: len(one["alerts"]))
    path = f"/v1.0/{INCIDENTS}/{incident['id']}/alerts"
    body = caller.get(path, token).json()
    assert body["value"] == incident["alerts"]
    assert body["@odata.context"].endswith(f"#security/incidents('{incident['id']}')/alerts")
    first = caller.get(path, token, **{"$top": 1, "$select": "id"}).json()
    second = caller.get(first["@odata.nextLink"].removeprefix(emulator.url), token).json()
    assert [one["id"] for one in (*first["value"], *second["value"])] == [one["id"] for one in incident["alerts"][:2]]
    assert refusal(caller.get(f"/v1.0/{INCIDENTS}/1/alerts", token)) == (404, "ResourceNotFound")
    emulator.control("PUT", "tenants/contoso.example/grants", {"roles": ["SecurityAlert.Read.All"]})
    assert refusal(caller.get(path, caller.token(scope=GRAPH_SCOPE))) == (403, "Forbidden")
