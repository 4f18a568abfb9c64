# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident calls of the Defender XDR API."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from support.emulator import EmulatorProcess

from .conftest import Caller

Consent = Callable[..., None]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")


@pytest.fixture
def token(caller: Caller, consented: Consent) -> str:
    consented("contoso", "Incident.ReadWrite.All")
    return caller.token()


def _list(caller: Caller, token: str, **options: object) -> list[dict[str, object]]:
    answer = caller.get("/api/incidents", token, **{f"${name}": value for name, value in options.items()})
    assert answer.status_code == 200, answer.text
    incidents: list[dict[str, object]] = answer.json()["value"]
    return incidents


def test_a_list_is_varied_and_unsorted(caller: Caller, token: str) -> None:
    incidents = _list(caller, token)
    assert 25 <= len(incidents) <= 60
    updates = [str(incident["lastUpdateTime"]) for incident in incidents]
    assert all(MOMENT.fullmatch(update) for update in updates)
    assert updates != sorted(updates)
    assert updates != sorted(updates, reverse=True)
    assert len(set(updates)) < len(updates)
    assert {len(update.partition(".")[2].rstrip("Z")) for update in updates} == {0, 1, 2, 7}
    assert {incident["status"] for incident in incidents} == {"Active", "InProgress", "Resolved", "Redirected"}
    assert {"High", "Medium", "Low"} <= {str(incident["severity"]) for incident in incidents}
    ids = {incident["incidentId"] for incident in incidents}
    assert len(ids) == len(incidents)
    assert all(i["redirectIncidentId"] in ids for i in incidents if i["status"] == "Redirected")
    kinds = {entity["entityType"] for i in incidents for alert in i["alerts"] for entity in alert["entities"]}
    assert {"File", "Process", "User", "Ip", "MailMessage"} <= kinds
    assert any(alert["devices"] for i in incidents for alert in i["alerts"])


def test_tenants_have_their_own_incidents(caller: Caller, token: str, consented: Consent) -> None:
    consented("fabrikam")
    others = _list(caller, caller.token("fabrikam"))
    assert not {i["incidentId"] for i in others} & {i["incidentId"] for i in _list(caller, token)}
    assert "contoso" not in str(others)


def test_paging_by_skip(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"incident_count": 230})
    pages = [_list(caller, token, top=100, skip=skip) for skip in (0, 100, 200, 300)]
    assert [len(page) for page in pages] == [100, 100, 30, 0]
    assert len({incident["incidentId"] for page in pages for incident in page}) == 230
    assert len(_list(caller, token)) == 100
    assert _list(caller, token, top=0) == []


def test_next_link_only_when_switched_on(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"incident_count": 230})
    assert "@odata.nextLink" not in caller.get("/api/incidents", token).json()
    emulator.control("PATCH", "application", {"next_link": True})
    seen, path = [], "/api/incidents?$filter=status eq 'Active'&$top=40"
    while path:
        body = caller.get(path, token).json()
        seen += [incident["incidentId"] for incident in body["value"]]
        path = body.get("@odata.nextLink", "").removeprefix(emulator.url)
    assert len(seen) == len(set(seen)) > 40
    assert sorted(seen) == sorted(
        incident["incidentId"]
        for skip in (0, 100, 200)
        for incident in _list(caller, token, skip=skip)
        if incident["status"] == "Active"
    )


@pytest.mark.parametrize(
    "options",
    [
        {"$top": 101},
        {"$top": -1},
        {"$skip": "x"},
        {"$skip": "9" * 5000},
        {"$orderby": "createdTime"},
        {"$filter": "severity eq 'High'"},
        {"$filter": "status eq Active"},
    ],
)
def test_an_option_it_does_not_take(caller: Caller, token: str, options: dict[str, object]) -> None:
    answer = caller.get("/api/incidents", token, **options)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_one_incident(caller: Caller, token: str) -> None:
    first = _list(caller, token)[0]
    answer = caller.get(f"/api/incidents/{first['incidentId']}", token).json()
    assert answer.pop("@odata.context").endswith("$metadata#Incidents/$entity")
    assert answer == first
    for missing in ("1", "none", "²", "9" * 5000):
        answer = caller.get(f"/api/incidents/{missing}", token)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")


def _patch(caller: Caller, token: str, incident_id: object, changes: object) -> tuple[int, dict[str, object]]:
    answer = caller.session.patch(
        f"{caller.emulator.url}/api/incidents/{incident_id}",
        json=changes,
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    return answer.status_code, answer.json()


def test_an_update(caller: Caller, token: str) -> None:
    before = next(incident for incident in _list(caller, token) if incident["status"] == "Active")
    changes = {
        "status": "Resolved",
        "assignedTo": "ada@northwind.example",
        "classification": "TruePositive",
        "determination": "Malware",
        "tags": ["One"],
        "comment": "Done",
    }
    status, after = _patch(caller, token, before["incidentId"], changes)
    assert status == 200
    assert {name: after[name] for name in ("status", "assignedTo", "classification", "determination", "tags")} == {
        name: value for name, value in changes.items() if name != "comment"
    }
    assert [comment["comment"] for comment in after["comments"]][-1] == "Done"
    assert len(after["comments"]) == len(before["comments"]) + 1
    assert str(after["lastUpdateTime"]) > str(before["lastUpdateTime"])
    assert after["alerts"] == before["alerts"]
    assert caller.get(f"/api/incidents/{before['incidentId']}", token).json() == after
    changed = _list(caller, token, filter=f"lastUpdateTime ge {after['lastUpdateTime']}")
    assert [incident["incidentId"] for incident in changed] == [before["incidentId"]]
    assert _patch(caller, token, before["incidentId"], {"assignedTo": ""})[1]["assignedTo"] is None


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({"classification": "Unknown"}, ("Unknown", "NotAvailable")),
        ({"classification": "Unknown", "determination": "NotAvailable"}, ("Unknown", "NotAvailable")),
        ({"determination": "NotAvailable"}, ("TruePositive", "NotAvailable")),
        ({"determination": "CompromisedUser"}, ("TruePositive", "CompromisedAccount")),
        ({"determination": "Apt"}, ("TruePositive", "Apt")),
        (
            {"classification": "InformationalExpectedActivity", "determination": "ConfirmedUserActivity"},
            ("InformationalExpectedActivity", "ConfirmedActivity"),
        ),
        (
            {"classification": "FalsePositive", "determination": "InsufficientData"},
            ("FalsePositive", "NoEnoughDataToValidate"),
        ),
    ],
)
def test_a_verdict_can_be_taken_back_and_is_known_by_each_of_its_names(
    caller: Caller, token: str, changes: dict[str, str], after: tuple[str, str]
) -> None:
    incident = next(one for one in _list(caller, token) if one["redirectIncidentId"] is None)
    malware = {"classification": "TruePositive", "determination": "Malware"}
    assert _patch(caller, token, incident["incidentId"], malware)[0] == 200
    status, changed = _patch(caller, token, incident["incidentId"], changes)
    assert (status, changed["classification"], changed["determination"]) == (200, *after)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        [],
        {"Status": "Resolved"},
        {"status": "Closed"},
        {"status": "Redirected"},
        {"classification": "Sure"},
        {"classification": "FalsePositive", "determination": "Malware"},
        {"classification": "Unknown", "determination": "Malware"},
        {"classification": "TruePositive", "determination": "InsufficientData"},
        {"determination": "Malware"},
        {"status": "AwaitingAction"},
        {"status": "Active", "severity": "High"},
        {"assignedTo": None},
        {"tags": "One"},
        {"comment": 5},
    ],
)
def test_an_update_it_does_not_take(caller: Caller, token: str, changes: object) -> None:
    incident = _list(caller, token)[0]
    status, body = _patch(caller, token, incident["incidentId"], changes)
    assert (status, "error" in body) == (400, True)
    assert _list(caller, token)[0] == incident


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"statuz": "Active"}, "'statuz'"),
        ({"status": "closed"}, "'closed'"),
        ({"classification": "Benign"}, "'Benign'"),
        (
            {"classification": "FalsePositive"},
            "'Phishing' does not go with the classification 'FalsePositive': it must be one of Clean, NoEnoughData",
        ),
        ({"determination": "Clean"}, "does not go with the classification 'TruePositive'"),
    ],
)
def test_a_refused_update_says_what_is_wrong(caller: Caller, token: str, changes: object, told: str) -> None:
    incident = next(i for i in _list(caller, token) if i["status"] == "Active")
    _patch(caller, token, incident["incidentId"], {"classification": "TruePositive", "determination": "Phishing"})
    status, body = _patch(caller, token, incident["incidentId"], changes)
    assert status == 400
    assert told in body["error"]["message"]
    assert re.fullmatch(r"[0-9a-f-]{36}", body["error"]["target"])


def test_a_redirected_incident_is_not_updated(caller: Caller, token: str) -> None:
    incident = next(i for i in _list(caller, token) if i["status"] == "Redirected")
    status, body = _patch(caller, token, incident["incidentId"], {"comment": "Lost"})
    assert (status, str(incident["redirectIncidentId"]) in body["error"]["message"]) == (400, True)
    assert caller.get(f"/api/incidents/{incident['redirectIncidentId']}", token).status_code == 200


def test_an_update_must_be_announced_as_json(caller: Caller, token: str) -> None:
    incident = _list(caller, token)[0]
    answer = caller.session.patch(
        f"{caller.emulator.url}/api/incidents/{incident['incidentId']}",
        data='{"status": "Active"}',
        headers={"Authorization": f"Bearer {token}", "Content-Type": "text/plain"},
        timeout=10,
    )
    assert answer.status_code == 415


def test_every_update_moves_the_time_on(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    given = {"incidentId": 5, "lastUpdateTime": "2199-01-01T00:00:00Z"}
    emulator.control("POST", "tenants/contoso.example/incidents", {"incidents": [given]})
    times = [_patch(caller, token, 5, {"tags": []})[1]["lastUpdateTime"] for _turn in range(2)]
    assert times == ["2199-01-01T00:00:00.0000001Z", "2199-01-01T00:00:00.0000002Z"]


def test_reading_needs_a_role_and_writing_another(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    incident = _list(caller, token)[0]
    grants = f"tenants/{emulator.tenant_id('contoso')}/grants"
    emulator.control("PUT", grants, {"roles": ["Incident.Read.All"]})
    reader = caller.token()
    status, body = _patch(caller, reader, incident["incidentId"], {"status": "Active"})
    assert (status, body["error"]["message"]) == (
        403,
        "Missing application roles. API required roles: Incident.ReadWrite.All, application roles: Incident.Read.All.",
    )
    emulator.control("PUT", grants, {"roles": []})
    answer = caller.get("/api/incidents", caller.token())
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        403,
        "Missing application roles. API required roles: Incident.Read.All,Incident.ReadWrite.All, application roles: .",
    )


def test_no_good_token(caller: Caller, token: str) -> None:
    for bad in (None, "nonsense", token[:-8] + "AAAAAAAA", token.partition(".")[0] + "..x"):
        answer = caller.get("/api/incidents", bad)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
        assert ("invalid_token" in answer.headers["WWW-Authenticate"]) == (bad is not None)


def test_an_expired_token(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    emulator.control("POST", "faults", {"kind": "clock_skew", "seconds": -7200, "times": 1})
    answer = caller.get("/api/incidents", caller.token())
    assert answer.status_code == 401
    assert "expired" in answer.json()["error"]["message"]
    assert caller.get("/api/incidents", token).status_code == 200


def test_a_tenant_without_licence(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"licensed": False})
    answer = caller.get("/api/incidents", token)
    assert answer.status_code == 403
    assert "licence" in answer.json()["error"]["message"]
