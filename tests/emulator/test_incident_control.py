# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test says which incidents a tenant has, in which order they come, and how many on a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller

Consent = Callable[..., None]
CONTROL = "tenants/contoso.example/incidents"
XDR = "/api/incidents"
GRAPH = "/v1.0/security/incidents"


@pytest.fixture
def token(caller: Caller, consented: Consent) -> str:
    consented("contoso", "Incident.ReadWrite.All", "SecurityIncident.Read.All")
    return caller.token()


def _only(emulator: EmulatorProcess, *incidents: dict[str, object]) -> list[int]:
    """Let contoso have these incidents and no others."""
    emulator.control("PATCH", "tenants/contoso.example", {"incident_count": 0})
    ids: list[int] = emulator.control("POST", CONTROL, {"incidents": list(incidents)})["ids"]
    return ids


def _list(caller: Caller, token: str, path: str = XDR, **options: object) -> list[dict[str, Any]]:
    answer = caller.get(path, token, **{f"${name}": value for name, value in options.items()})
    assert answer.status_code == 200, answer.text
    incidents: list[dict[str, Any]] = answer.json()["value"]
    return incidents


def test_texts_of_times_are_kept(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    times = [f"2026-11-20T10:00:00{fraction}Z" for fraction in ("", ".5", ".50", ".5000000", ".5000001")]
    _only(emulator, *({"lastUpdateTime": text, "createdTime": "2026-11-01T00:00:00Z"} for text in times))
    assert [incident["lastUpdateTime"] for incident in _list(caller, token)] == times
    assert {incident["createdTime"] for incident in _list(caller, token)} == {"2026-11-01T00:00:00Z"}
    same = _list(caller, token, filter="lastUpdateTime eq 2026-11-20T10:00:00.5Z")
    assert [incident["lastUpdateTime"] for incident in same] == times[1:4]


def test_forty_incidents_of_one_moment(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    moment = "2026-11-20T10:00:00.29Z"
    ids = _only(emulator, *({"lastUpdateTime": moment} for _turn in range(40)))
    found = _list(caller, token, filter=f"lastUpdateTime eq {moment}")
    assert [incident["incidentId"] for incident in found] == ids
    assert len(set(ids)) == 40


def test_a_large_incident_is_one_line(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    [large] = _only(emulator, {"alert_count": 28})
    answer = caller.get(f"{XDR}/{large}", token)
    assert len(answer.content) > 28_000
    alerts = answer.json()["alerts"]
    assert (len(alerts), len({alert["alertId"] for alert in alerts})) == (28, 28)
    assert {alert["incidentId"] for alert in alerts} == {large}


def test_what_is_given_stands_and_the_rest_is_made(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    given: dict[str, Any] = {
        "incidentId": 7,
        "incidentName": "Mine",
        "severity": "Low",
        "tags": ["One"],
        "comments": [{"comment": "Seen"}],
        "alerts": [{"title": "First"}, {"title": "Second", "serviceSource": "MicrosoftDefenderForCloud"}],
    }
    assert _only(emulator, given, {}) == [7, 8]
    mine, other = _list(caller, token)
    assert {name: mine[name] for name in ("incidentId", "incidentName", "severity", "tags")} == {
        name: given[name] for name in ("incidentId", "incidentName", "severity", "tags")
    }
    assert [alert["title"] for alert in mine["alerts"]] == ["First", "Second"]
    assert all(alert["alertId"] and alert["entities"] for alert in mine["alerts"])
    assert set(mine) == set(other)
    # The same again replaces it.
    emulator.control("POST", CONTROL, {"incidents": [{"incidentId": 7, "alerts": []}]})
    assert [incident["incidentId"] for incident in _list(caller, token)] == [7, 8]
    assert _list(caller, token)[0]["alerts"] == []
    graph_token = caller.token(scope=GRAPH_SCOPE)
    assert caller.get(f"{GRAPH}/7", graph_token, **{"$expand": "alerts"}).json()["alerts"] == []


def test_a_redirected_incident_has_its_target(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    _only(emulator, {"incidentId": 1}, {"incidentId": 2, "redirectIncidentId": 1})
    assert [incident["status"] for incident in _list(caller, token)][1] == "Redirected"
    [redirected] = _list(caller, caller.token(scope=GRAPH_SCOPE), GRAPH, filter="status eq 'redirected'")
    assert (redirected["id"], redirected["redirectIncidentId"]) == ("2", "1")


def test_a_change_as_an_analyst_makes_it_and_a_removal(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    first = _list(caller, token)[0]
    changed = emulator.control("PATCH", f"{CONTROL}/{first['incidentId']}", {"status": "AwaitingAction"})
    assert changed == {**first, "status": "AwaitingAction", "lastUpdateTime": changed["lastUpdateTime"]}
    assert _list(caller, token, filter=f"lastUpdateTime ge {changed['lastUpdateTime']}") == [changed]
    past = "2026-01-01T00:00:00.5Z"
    emulator.control("PATCH", f"{CONTROL}/{first['incidentId']}", {"lastUpdateTime": past})
    assert caller.get(f"{XDR}/{first['incidentId']}", token).json()["lastUpdateTime"] == past
    emulator.control("DELETE", f"{CONTROL}/{first['incidentId']}")
    assert caller.get(f"{XDR}/{first['incidentId']}", token).status_code == 404
    assert emulator.control("GET", CONTROL)["incidents"] == _list(caller, token)
    emulator.control("POST", "reset")
    assert first["incidentId"] in {incident["incidentId"] for incident in emulator.control("GET", CONTROL)["incidents"]}


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", CONTROL, {}, "a list of objects"),
        ("POST", CONTROL, {"incidents": ["one"]}, "a list of objects"),
        ("POST", CONTROL, {"incidents": [{"incidentid": 1}]}, "no 'incidentid' to set: it is called 'incidentId'"),
        ("POST", CONTROL, {"incidents": [{"incidentId": "1"}]}, "'incidentId' cannot be '1'"),
        ("POST", CONTROL, {"incidents": [{"incidentId": 10**18}]}, "at most 18 digits"),
        ("POST", CONTROL, {"incidents": [{"alerts": [{"creationTime": "yesterday"}]}]}, "'yesterday' is not a date"),
        ("POST", CONTROL, {"incidents": [{"alerts": [{"entities": [{"url": "x"}]}]}]}, "'entityType' cannot be None"),
        ("POST", CONTROL, {"incidents": [{"alerts": [{"devices": [{"osBuild": "7"}]}]}]}, "'osBuild' cannot be '7'"),
        ("POST", CONTROL, {"incidents": [{"displayName": "x", "id": "one"}]}, "as Microsoft Graph writes it"),
        ("POST", CONTROL, {"incidents": [{"alert_count": 10**9}]}, "'alert_count' must be"),
        ("PATCH", "tenants/contoso.example", {"incident_count": 10**9}, "'incident_count' cannot be more than"),
        ("POST", CONTROL, {"incidents": [{"createdTime": "yesterday"}]}, "'yesterday' is not a date"),
        ("POST", CONTROL, {"incidents": [{"alerts": ["one"]}]}, "'alerts' must be a list of objects"),
        ("POST", CONTROL, {"incidents": [{"alerts": [], "alert_count": 1}]}, "stands instead of 'alerts'"),
        ("PATCH", f"{CONTROL}/1", {"status": "Active"}, "no such incident"),
        ("PATCH", f"{CONTROL}/1", {"incidentId": 2}, "cannot be changed"),
        ("DELETE", f"{CONTROL}/1", None, "no such incident"),
        ("PATCH", "application", {"incident_order": "random"}, "incident_order must be one of"),
        ("PATCH", "application", {"filter_operators": ["like"]}, "'like' is no comparison operator"),
        ("PATCH", "application", {"max_page": 0}, "max_page must be"),
    ],
)
def test_a_request_that_makes_no_sense(
    emulator: EmulatorProcess, method: str, path: str, body: object, told: str
) -> None:
    before = emulator.control("GET", CONTROL)
    with pytest.raises(AssertionError, match=r": 40[04] ") as refused:
        emulator.control(method, path, body)
    assert told in str(refused.value)
    assert emulator.control("GET", CONTROL) == before


def test_the_order_of_a_list(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    days = [3, 1, 5, 2, 4]
    _only(emulator, *({"incidentId": day, "lastUpdateTime": f"2026-11-0{day}T00:00:00Z"} for day in days))

    def order(name: str, **options: object) -> list[int]:
        emulator.control("PATCH", "application", {"incident_order": name})
        return [incident["incidentId"] for incident in _list(caller, token, **options)]

    assert order("generated") == days
    assert order("oldest_first") == [1, 2, 3, 4, 5]
    assert order("newest_first") == [5, 4, 3, 2, 1]
    assert order("newest_first", top=2, skip=2) == [3, 2]
    shuffled = [order("shuffled") for _turn in range(20)]
    assert len({tuple(ids) for ids in shuffled}) > 1
    assert all(sorted(ids) == [1, 2, 3, 4, 5] for ids in shuffled)


def test_the_most_that_a_page_holds(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    ids = _only(emulator, *({} for _turn in range(7)))
    emulator.control("PATCH", "application", {"max_page": 3})
    body = caller.get(XDR, token, **{"$top": 100}).json()
    assert (len(body["value"]), "@odata.nextLink" in body) == (3, False)
    emulator.control("PATCH", "application", {"next_link": True})
    for path, name, permission in ((XDR, "incidentId", token), (GRAPH, "id", caller.token(scope=GRAPH_SCOPE))):
        seen, following = [], path
        while following:
            body = caller.get(following, permission).json()
            seen.append([int(incident[name]) for incident in body["value"]])
            following = body.get("@odata.nextLink", "").removeprefix(emulator.url)
        assert seen == [ids[:3], ids[3:6], ids[6:]]


def test_what_was_ordered_outlives_the_process(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.sqlite"))
    with EmulatorProcess(tmp_path, *state) as emulator:
        _only(emulator, {"incidentId": 1, "lastUpdateTime": "2026-11-20T10:00:00.5Z"}, {"incidentId": 2})
        emulator.control("DELETE", f"{CONTROL}/2")
        before = emulator.control("GET", CONTROL)
    with EmulatorProcess(tmp_path, *state) as emulator:
        assert emulator.control("GET", CONTROL) == before
        assert [incident["incidentId"] for incident in before["incidents"]] == [1]
