# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Microsoft Graph security writes: changes and comments, of incidents and of alerts alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller

Consent = Callable[..., None]
INCIDENTS = "/v1.0/security/incidents"
ALERTS = "/v1.0/security/alerts_v2"
BOTH = pytest.mark.parametrize("path", [INCIDENTS, ALERTS])
COMMENT_TYPE = "microsoft.graph.security.alertComment"


@pytest.fixture
def token(caller: Caller, consented: Consent) -> str:
    consented("contoso", "Incident.Read.All", "SecurityIncident.ReadWrite.All", "SecurityAlert.ReadWrite.All")
    return caller.token(scope=GRAPH_SCOPE)


def _send(caller: Caller, token: str, method: str, path: str, body: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return caller.session.request(method, f"{caller.emulator.url}{path}", json=body, headers=headers, timeout=10)


def _patch(caller: Caller, token: str, path: str, changes: object) -> dict[str, Any]:
    answer = _send(caller, token, "PATCH", path, changes)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    assert changed.pop("@odata.context").endswith("/$entity")
    return changed


def _first(caller: Caller, token: str, path: str) -> dict[str, Any]:
    """One that nobody has worked on."""
    status = "active" if path == INCIDENTS else "new"
    first: dict[str, Any] = caller.get(path, token, **{"$filter": f"status eq '{status}'"}).json()["value"][0]
    return first


@BOTH
def test_a_change(caller: Caller, token: str, path: str) -> None:
    before = _first(caller, token, path)
    changes = {
        "assignedTo": "ada@northwind.example",
        "classification": "truePositive",
        "determination": "malware",
        "status": "inProgress",
    }
    after = _patch(caller, token, f"{path}/{before['id']}", changes)
    assert after == {**before, **changes, "lastUpdateDateTime": after["lastUpdateDateTime"]}
    assert after["lastUpdateDateTime"] > before["lastUpdateDateTime"]
    again = caller.get(f"{path}/{before['id']}", token).json()
    again.pop("@odata.context")
    assert again == after
    found = caller.get(path, token, **{"$filter": f"lastUpdateDateTime ge {after['lastUpdateDateTime']}"}).json()
    assert [record["id"] for record in found["value"]] == [before["id"]]


def test_custom_tags_are_replaced(caller: Caller, token: str) -> None:
    path = f"{INCIDENTS}/{_first(caller, token, INCIDENTS)['id']}"
    _patch(caller, token, path, {"customTags": ["One", "Two"]})
    assert _patch(caller, token, path, {"customTags": ["Three"]})["customTags"] == ["Three"]
    assert caller.get(path.replace(INCIDENTS, "/api/incidents"), caller.token()).json()["tags"] == ["Three"]


@BOTH
@pytest.mark.parametrize("nobody", [None, ""])
def test_nobody_is_assigned(caller: Caller, token: str, path: str, nobody: str | None) -> None:
    one = f"{path}/{_first(caller, token, path)['id']}"
    assert _patch(caller, token, one, {"assignedTo": "x"})["assignedTo"] == "x"
    assert _patch(caller, token, one, {"assignedTo": nobody})["assignedTo"] is None


@BOTH
@pytest.mark.parametrize(
    ("classification", "written", "read"),
    [
        ("truePositive", "compromisedUser", "compromisedAccount"),
        ("truePositive", "compromisedAccount", "compromisedAccount"),
        ("truePositive", "apt", "apt"),
        ("falsePositive", "clean", "notMalicious"),
        ("falsePositive", "notMalicious", "notMalicious"),
        ("falsePositive", "insufficientData", "notEnoughDataToValidate"),
        ("falsePositive", "notEnoughDataToValidate", "notEnoughDataToValidate"),
        ("informationalExpectedActivity", "confirmedUserActivity", "confirmedActivity"),
        ("informationalExpectedActivity", "lineOfBusinessApplication", "lineOfBusinessApplication"),
        ("unknown", "unknown", "unknown"),
    ],
)
def test_the_names_of_both_pages(
    caller: Caller, token: str, path: str, classification: str, written: str, read: str
) -> None:
    one = f"{path}/{_first(caller, token, path)['id']}"
    changed = _patch(caller, token, one, {"classification": classification, "determination": written})
    assert (changed["classification"], changed["determination"]) == (classification, read)


@BOTH
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([], "an object"),
        ({}, "at least one property"),
        ({"Status": "resolved"}, "'Status'"),
        ({"severity": "low"}, "'severity'"),
        ({"comment": "text"}, "'comment'"),
        ({"status": "Resolved"}, "'Resolved'"),
        ({"status": "redirected"}, "'redirected'"),
        ({"status": "unknownFutureValue"}, "'unknownFutureValue'"),
        ({"status": 1}, "'1'"),
        ({"assignedTo": 1}, "'assignedTo'"),
        ({"determination": "malware"}, "'malware' does not go with the classification 'unknown'"),
        ({"classification": "falsePositive", "determination": "malware"}, "notMalicious, notEnoughDataToValidate"),
        ({"classification": "truePositive", "determination": "ransom"}, "'ransom'"),
    ],
)
def test_a_change_it_does_not_take(caller: Caller, token: str, path: str, changes: object, told: str) -> None:
    before = _first(caller, token, path)
    answer = _send(caller, token, "PATCH", f"{path}/{before['id']}", changes)
    assert (answer.status_code, "innerError" in answer.json()["error"]) == (400, True)
    assert told in answer.json()["error"]["message"]
    assert _first(caller, token, path) == before


def test_alerts_have_no_tags_and_other_states(caller: Caller, token: str) -> None:
    alert = f"{ALERTS}/{_first(caller, token, ALERTS)['id']}"
    assert _send(caller, token, "PATCH", alert, {"customTags": ["One"]}).status_code == 400
    assert _send(caller, token, "PATCH", alert, {"status": "active"}).status_code == 400
    incident = f"{INCIDENTS}/{_first(caller, token, INCIDENTS)['id']}"
    assert _send(caller, token, "PATCH", incident, {"status": "new"}).status_code == 400
    assert _patch(caller, token, alert, {"status": "new", "@odata.type": "#x"})["status"] == "new"


def test_a_change_of_an_alert_moves_its_incident(caller: Caller, token: str) -> None:
    alert = _first(caller, token, ALERTS)
    incident = f"{INCIDENTS}/{alert['incidentId']}"
    before = caller.get(incident, token).json()["lastUpdateDateTime"]
    changed = _patch(caller, token, f"{ALERTS}/{alert['id']}", {"status": "resolved"})
    assert changed["resolvedDateTime"] == changed["lastUpdateDateTime"] > before
    assert caller.get(incident, token).json()["lastUpdateDateTime"] == changed["lastUpdateDateTime"]
    twin = caller.get(f"/api/incidents/{alert['incidentId']}", caller.token()).json()["alerts"]
    assert [a["status"] for a in twin if a["alertId"] == alert["id"]] == ["Resolved"]
    reopened = _patch(caller, token, f"{ALERTS}/{alert['id']}", {"status": "inProgress"})
    assert reopened["resolvedDateTime"] is None


@BOTH
def test_comments_are_appended(caller: Caller, token: str, path: str) -> None:
    before = _first(caller, token, path)
    comments = f"{path}/{before['id']}/comments"
    for kind in ({"@odata.type": COMMENT_TYPE}, {"@odata.type": f"#{COMMENT_TYPE}"}, {}):
        answer = _send(caller, token, "POST", comments, {**kind, "comment": "Straße {{ 4 }}"})
        assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["@odata.context"].endswith(f"('{before['id']}')/comments")
    assert body["value"][: len(before["comments"])] == before["comments"]
    added = body["value"][len(before["comments"]) :]
    assert [comment["comment"] for comment in added] == ["Straße {{ 4 }}"] * 3
    assert {comment["createdByDisplayName"] for comment in added} == {"Northwind SOC"}
    after = caller.get(f"{path}/{before['id']}", token).json()
    assert after["comments"] == body["value"]
    assert after["lastUpdateDateTime"] == added[-1]["createdDateTime"] > before["lastUpdateDateTime"]


@BOTH
@pytest.mark.parametrize("body", [{}, {"comment": ""}, {"comment": 1}, {"@odata.type": "x", "comment": "text"}])
def test_a_comment_it_does_not_take(caller: Caller, token: str, path: str, body: object) -> None:
    before = _first(caller, token, path)
    answer = _send(caller, token, "POST", f"{path}/{before['id']}/comments", body)
    assert answer.status_code == 400
    assert _first(caller, token, path) == before


def test_comments_on_alerts_are_no_part_of_the_other_api(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    alert = _first(caller, token, ALERTS)
    _send(caller, token, "POST", f"{ALERTS}/{alert['id']}/comments", {"comment": "Only here"})
    assert "Only here" not in caller.get(f"/api/incidents/{alert['incidentId']}", caller.token()).text
    emulator.control("POST", "reset")
    emulator.control("POST", "tenants/contoso.example/consent", {"roles": ["SecurityAlert.Read.All"]})
    assert caller.get(f"{ALERTS}/{alert['id']}", caller.token(scope=GRAPH_SCOPE)).json()["comments"] == []


def test_a_redirected_incident_is_not_changed(caller: Caller, token: str) -> None:
    query = {"$filter": "status eq 'redirected'"}
    redirected = caller.get(INCIDENTS, token, **query).json()["value"][0]
    path = f"{INCIDENTS}/{redirected['id']}"
    for method, where, body in (("PATCH", path, {"status": "active"}), ("POST", f"{path}/comments", {"comment": "x"})):
        answer = _send(caller, token, method, where, body)
        assert (answer.status_code, redirected["redirectIncidentId"] in answer.text) == (400, True)


@BOTH
def test_reading_does_not_suffice_to_write(caller: Caller, emulator: EmulatorProcess, token: str, path: str) -> None:
    one = f"{path}/{_first(caller, token, path)['id']}"
    roles = ["SecurityIncident.Read.All", "SecurityAlert.Read.All"]
    emulator.control("PUT", "tenants/contoso.example/grants", {"roles": roles})
    reader = caller.token(scope=GRAPH_SCOPE)
    for method, where, body in (("PATCH", one, {"assignedTo": "x"}), ("POST", f"{one}/comments", {"comment": "x"})):
        answer = _send(caller, reader, method, where, body)
        assert (answer.status_code, "ReadWrite.All" in answer.json()["error"]["message"]) == (403, True)
    assert _send(caller, token, "PATCH", f"{path}/1", {"assignedTo": "x"}).status_code == 404
    assert _send(caller, token, "POST", f"{path}/1/comments", {"comment": "x"}).status_code == 404
