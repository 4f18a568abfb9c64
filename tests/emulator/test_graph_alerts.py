# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts of Microsoft Graph security: those of the incidents, each for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller

Consent = Callable[..., None]
PATH = "/v1.0/security/alerts_v2"
HIDDEN = {"Prefer": "odata.maxpagesize=5,  include-unknown-enum-members"}


@pytest.fixture
def token(caller: Caller, consented: Consent) -> str:
    consented("contoso", "SecurityIncident.Read.All", "SecurityAlert.Read.All")
    return caller.token(scope=GRAPH_SCOPE)


def _list(caller: Caller, token: str, **options: object) -> dict[str, Any]:
    answer = caller.get(PATH, token, **{f"${name}": value for name, value in options.items()})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_the_alerts_of_the_incidents(caller: Caller, token: str) -> None:
    query = {"$expand": "alerts", "$top": 5}
    expanded = caller.get("/v1.0/security/incidents", token, **query).json()["value"]
    listed = {alert["id"]: alert for alert in _list(caller, token, top=1000)["value"]}
    assert listed
    for incident in expanded:
        for alert in incident["alerts"]:
            assert listed[alert["id"]] == alert
            assert alert["incidentId"] == incident["id"]
    first = next(iter(listed.values()))
    answer = caller.get(f"{PATH}/{first['id']}", token).json()
    assert answer.pop("@odata.context").endswith("#security/alerts_v2/$entity")
    assert answer == first
    assert {"id", "providerAlertId", "comments", "systemTags", "evidence", "mitreTechniques"} <= set(first)
    assert all(one["@odata.type"].startswith("#microsoft.graph.security.") for one in first["evidence"])


def test_links_lead_past_what_skip_allows(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    incidents = [{"alert_count": 25} for _turn in range(30)]
    emulator.control("PATCH", "tenants/contoso.example", {"incident_count": 0})
    emulator.control("POST", "tenants/contoso.example/incidents", {"incidents": incidents})
    body = _list(caller, token, count="true")
    assert (body["@odata.count"], len(body["value"])) == (750, 100)
    seen = [alert["id"] for alert in body["value"]]
    while "@odata.nextLink" in body:
        assert "skiptoken" in body["@odata.nextLink"]
        body = caller.get(body["@odata.nextLink"].removeprefix(emulator.url), token).json()
        seen += [alert["id"] for alert in body["value"]]
    assert len(seen) == len(set(seen)) == 750
    assert len(_list(caller, token, top=1000)["value"]) == 750
    assert [alert["id"] for alert in _list(caller, token, top=2, skip=500)["value"]] == seen[500:502]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"$top": 1001}, "The limit of '1000' for Top query has been exceeded. The value from the incoming request is"),
        ({"$skip": 501}, "The limit of '500' for Skip query has been exceeded. The value from the incoming request is"),
        ({"$top": "x"}, "Invalid value 'x' for $top"),
        ({"$skiptoken": "x"}, "The skip token is not valid."),
        ({"$skiptoken": "cGxhY2U9eA=="}, "The skip token is not valid."),
        ({"$expand": "evidence"}, "'$expand' is not supported"),
        ({"$orderby": "title"}, "Could not order by 'title'"),
        ({"$filter": "title eq 'x'"}, "'title'"),
        ({"$filter": "status eq 'active'"}, "'active' is not a value of 'status'"),
    ],
)
def test_an_option_it_does_not_take(caller: Caller, token: str, options: dict[str, object], told: str) -> None:
    answer = caller.get(PATH, token, **options)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "")
    assert error["message"].startswith("The query specified in the URI is not valid. ")
    assert told in error["message"]


def test_filters(caller: Caller, token: str) -> None:
    everything = _list(caller, token, top=1000)["value"]
    expressions = {
        "severity eq 'high'": lambda alert: alert["severity"] == "high",
        "status eq 'new'": lambda alert: alert["status"] == "new",
        "serviceSource eq 'microsoftDefenderForEndpoint'": lambda alert: "Endpoint" in alert["serviceSource"],
        "status ne 'new' and severity eq 'medium'": lambda a: a["status"] != "new" and a["severity"] == "medium",
    }
    for expression, holds in expressions.items():
        found = _list(caller, token, filter=expression, top=1000)["value"]
        assert found == [alert for alert in everything if holds(alert)] != []
        assert len(found) < len(everything)
    for field in ("assignedTo eq null", "classification eq 'unknown'", "determination eq 'unknown'"):
        assert _list(caller, token, filter=field, top=1000)["value"] == everything
    middle = sorted(alert["lastUpdateDateTime"] for alert in everything)[len(everything) // 2]
    newer = _list(caller, token, filter=f"lastUpdateDateTime gt {middle}", top=1000)["value"]
    assert 0 < len(newer) < len(everything)


@pytest.mark.parametrize("path", [PATH, "/v1.0/security/incidents"])
@pytest.mark.parametrize("field", ["lastUpdateDateTime", "createdDateTime"])
def test_an_order(caller: Caller, emulator: EmulatorProcess, token: str, path: str, field: str) -> None:
    days = (3, 1, 2)
    incidents = [
        {
            "incidentId": day,
            "createdTime": f"2026-10-0{day}T00:00:00Z",
            "lastUpdateTime": f"2026-11-0{4 - day}T00:00:00Z",
            "alerts": [
                {"creationTime": f"2026-10-0{day}T00:00:00Z", "lastUpdatedTime": f"2026-11-0{4 - day}T00:00:00Z"}
            ],
        }
        for day in days
    ]
    emulator.control("PATCH", "tenants/contoso.example", {"incident_count": 0})
    emulator.control("POST", "tenants/contoso.example/incidents", {"incidents": incidents})
    for order, descending in (("", False), (" asc", False), (" desc", True)):
        body = caller.get(path, token, **{"$orderby": field + order}).json()
        moments = [record[field] for record in body["value"]]
        assert len(moments) == 3
        assert moments == sorted(moments, reverse=descending)
    assert caller.get(path, token, **{"$orderby": f"{field} down"}).status_code == 400


def test_hidden_members_are_shown_to_who_asks(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    alert = {"serviceSource": "MicrosoftDefenderForCloud", "detectionSource": "MicrosoftDefenderForCloud"}
    given = {"incidentId": 5, "status": "AwaitingAction", "alerts": [alert]}
    emulator.control("POST", "tenants/contoso.example/incidents", {"incidents": [given]})
    path, query = f"{emulator.url}/v1.0/security/incidents/5", {"$expand": "alerts"}
    seen = []
    for prefer in ({}, {"Prefer": "return=minimal"}, HIDDEN):
        headers = {"Authorization": f"Bearer {token}", **prefer}
        incident = caller.session.get(path, headers=headers, params=query, timeout=10).json()
        [shown] = incident["alerts"]
        seen.append((incident["status"], shown["serviceSource"], shown["detectionSource"]))
    unknown = ("unknownFutureValue",) * 3
    assert seen == [unknown, unknown, ("awaitingAction", "microsoftDefenderForCloud", "microsoftDefenderForCloud")]
    listed = caller.get("/v1.0/security/incidents", token, **{"$filter": "status eq 'awaitingAction'"}).json()["value"]
    assert [(incident["id"], incident["status"]) for incident in listed] == [("5", "unknownFutureValue")]


def test_refusals(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    for missing in ("none", '"', "9" * 500):
        answer = caller.get(f"{PATH}/{missing}", token)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")
    emulator.control("PUT", "tenants/contoso.example/grants", {"roles": ["SecurityIncident.Read.All"]})
    answer = caller.get(PATH, caller.token(scope=GRAPH_SCOPE))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Forbidden")
    assert "SecurityAlert.Read.All,SecurityAlert.ReadWrite.All" in answer.json()["error"]["message"]
