# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident calls of Microsoft Graph security, on the same incidents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller

Consent = Callable[..., None]
PATH = "/v1.0/security/incidents"


@pytest.fixture
def token(caller: Caller, consented: Consent) -> str:
    consented("contoso", "SecurityIncident.Read.All", "Incident.Read.All")
    return caller.token(scope=GRAPH_SCOPE)


def _list(caller: Caller, token: str, **options: object) -> dict[str, Any]:
    answer = caller.get(PATH, token, **{f"${name}": value for name, value in options.items()})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_the_same_incidents_in_the_other_form(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    xdr = {str(i["incidentId"]): i for i in caller.get("/api/incidents", caller.token()).json()["value"]}
    graph = _list(caller, token)["value"]
    assert {incident["id"] for incident in graph} == set(xdr)
    for incident in graph:
        twin = xdr[incident["id"]]
        assert incident["displayName"] == twin["incidentName"]
        assert incident["lastUpdateDateTime"] == twin["lastUpdateTime"]
        assert incident["status"].lower() == twin["status"].lower()
        assert incident["severity"].lower() == twin["severity"].lower()
        assert incident["customTags"] == twin["tags"]
        assert incident["tenantId"] == emulator.tenant_id("contoso")
        page = f"https://security.microsoft.com/incidents/{incident['id']}"
        assert incident["incidentWebUrl"] == f"{page}?tid={incident['tenantId']}"
        assert not {"incidentUri", "incidentWebUrl"} & set(twin), "the page of that API names no link"
        assert "alerts" not in incident


def test_alerts_when_expanded(caller: Caller, token: str) -> None:
    first = _list(caller, token, expand="alerts", top=1)["value"][0]
    twin = caller.get(f"/api/incidents/{first['id']}", caller.token()).json()
    assert [alert["id"] for alert in first["alerts"]] == [alert["alertId"] for alert in twin["alerts"]]
    kinds = [evidence["@odata.type"] for alert in first["alerts"] for evidence in alert["evidence"]]
    assert len(kinds) == sum(len(alert["devices"]) + len(alert["entities"]) for alert in twin["alerts"])
    assert all(kind.startswith("#microsoft.graph.security.") for kind in kinds)
    assert caller.get(f"{PATH}/{first['id']}", token, **{"$expand": "alerts"}).json()["alerts"] == first["alerts"]
    assert "alerts" not in caller.get(f"{PATH}/{first['id']}", token).json()


def test_pages_are_linked(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"incident_count": 120})
    body = _list(caller, token, count="true")
    assert (body["@odata.count"], len(body["value"])) == (120, 50)
    seen = [incident["id"] for incident in body["value"]]
    while "@odata.nextLink" in body:
        body = caller.get(body["@odata.nextLink"].removeprefix(emulator.url), token).json()
        seen += [incident["id"] for incident in body["value"]]
    assert len(seen) == len(set(seen)) == 120
    assert len(_list(caller, token, top=30, skip=100)["value"]) == 20


def test_a_large_top_is_refused_without_a_code(caller: Caller, token: str) -> None:
    answer = caller.get(PATH, token, **{"$top": 100})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "")
    assert error["message"] == (
        "The query specified in the URI is not valid. The limit of '50' for Top query has been exceeded. "
        "The value from the incoming request is '100'."
    )
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}


def test_filters_know_severity(caller: Caller, token: str) -> None:
    everything = _list(caller, token)["value"]
    for name, value in (("severity", "high"), ("status", "inProgress"), ("classification", "truePositive")):
        found = _list(caller, token, filter=f"{name} eq '{value}'")["value"]
        assert found == [incident for incident in everything if incident[name] == value] != []
    assert caller.get(PATH, token, **{"$filter": "severity eq 'High'"}).status_code == 400
    assert caller.get(PATH, token, **{"$expand": "evidence"}).status_code == 400


def test_refusals(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    assert caller.get(f"{PATH}/1", token).status_code == 404
    answer = caller.get(PATH, caller.token())
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    emulator.control("PUT", f"tenants/{emulator.tenant_id('contoso')}/grants", {"roles": ["Incident.Read.All"]})
    answer = caller.get(PATH, caller.token(scope=GRAPH_SCOPE))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Forbidden")
    assert "SecurityIncident.Read.All,SecurityIncident.ReadWrite.All" in answer.json()["error"]["message"]
