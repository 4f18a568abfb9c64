# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the security data: records that break their page, sets that move between two pages, endpoints that end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller

Consent = Callable[..., None]
INCIDENTS = "/v1.0/security/incidents"
ALERTS = "/v1.0/security/alerts_v2"
XDR = "/api/incidents"
TENANT = "contoso.example"


@pytest.fixture
def tokens(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> dict[str, str]:
    consented("contoso", "Incident.Read.All", "SecurityIncident.Read.All", "SecurityAlert.Read.All")
    emulator.control("PATCH", f"tenants/{TENANT}", {"incident_count": 0})
    incidents = [{"incidentId": number, "lastUpdateTime": f"2026-11-01T00:00:0{number}Z"} for number in range(1, 7)]
    emulator.control("POST", f"tenants/{TENANT}/incidents", {"incidents": incidents})
    graph = caller.token(scope=GRAPH_SCOPE)
    return {XDR: caller.token(), INCIDENTS: graph, ALERTS: graph}


def _fault(emulator: EmulatorProcess, kind: str, **details: object) -> None:
    emulator.control("POST", "faults", {"kind": kind, **details})


def test_a_page_with_poison(caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]) -> None:
    _fault(emulator, "poison", tenant=TENANT, incident_id=4)
    for path in (XDR, INCIDENTS):
        statuses = [caller.get(path, tokens[path], **{"$top": 1, "$skip": n}).status_code for n in range(6)]
        assert statuses == [200, 200, 200, 500, 200, 200]
        assert caller.get(path, tokens[path]).status_code == 500
        assert [caller.get(f"{path}/{number}", tokens[path]).status_code for number in (3, 4)] == [200, 500]
    assert caller.get(ALERTS, tokens[ALERTS]).status_code == 500
    body = caller.get(INCIDENTS, tokens[INCIDENTS]).json()
    assert (body["error"]["code"], "innerError" in body["error"]) == ("InternalServerError", True)
    assert caller.get(XDR, tokens[XDR]).json()["error"]["code"] == "InternalServerError"
    emulator.control("DELETE", "faults")
    assert caller.get(XDR, tokens[XDR]).status_code == 200


def test_poison_that_needs_its_alerts(caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]) -> None:
    _fault(emulator, "poison", tenant=TENANT, incident_id=4, expand_only=True)
    token = tokens[INCIDENTS]
    assert caller.get(INCIDENTS, token).status_code == 200
    assert caller.get(f"{INCIDENTS}/4", token).status_code == 200
    assert caller.get(INCIDENTS, token, **{"$expand": "alerts"}).status_code == 500
    assert caller.get(f"{INCIDENTS}/4", token, **{"$expand": "alerts"}).status_code == 500
    assert caller.get(INCIDENTS, token, **{"$expand": "alerts", "$top": 3}).status_code == 200


def test_poison_strikes_where_it_is_told_to(
    caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str], consented: Consent
) -> None:
    consented("fabrikam", "Incident.Read.All")
    _fault(emulator, "poison", tenant=TENANT, incident_id=4, path=INCIDENTS, times=1)
    assert caller.get(XDR, tokens[XDR]).status_code == 200
    assert caller.get(ALERTS, tokens[ALERTS]).status_code == 200
    assert caller.get(XDR, caller.token("fabrikam")).status_code == 200
    assert [caller.get(INCIDENTS, tokens[INCIDENTS]).status_code for _turn in range(2)] == [500, 200]


def _times(emulator: EmulatorProcess) -> dict[int, str]:
    incidents: list[dict[str, Any]] = emulator.control("GET", f"tenants/{TENANT}/incidents")["incidents"]
    return {incident["incidentId"]: incident["lastUpdateTime"] for incident in incidents}


def test_a_set_that_moves(caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]) -> None:
    _fault(emulator, "churn", tenant=TENANT, path=XDR, times=2, count=2)
    served = caller.get(XDR, tokens[XDR]).json()["value"]
    assert [incident["lastUpdateTime"] for incident in served] == [f"2026-11-01T00:00:0{n}Z" for n in range(1, 7)]
    first = _times(emulator)
    assert [number for number, time in first.items() if "11-01T" not in time] == [1, 2]
    [fault] = emulator.control("GET", "faults")
    assert (fault["struck"], fault["times"]) == (1, 1)
    caller.get(XDR, tokens[XDR], **{"$top": 1})
    second = _times(emulator)
    assert [number for number in second if second[number] != first[number]] == [3, 4]
    assert second[3] > second[1]
    caller.get(XDR, tokens[XDR])
    assert _times(emulator) == second


@pytest.mark.parametrize("path", [INCIDENTS, ALERTS])
def test_graph_sets_move_too(caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str], path: str) -> None:
    _fault(emulator, "churn", tenant=TENANT)
    before = caller.get(path, tokens[path]).json()["value"]
    after = caller.get(path, tokens[path]).json()["value"]
    moved = {a["id"] for a, b in zip(after, before, strict=True) if a["lastUpdateDateTime"] > b["lastUpdateDateTime"]}
    assert moved == {before[0]["id"]}


def test_who_pages_by_place_loses_what_moves(caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]) -> None:
    emulator.control("PATCH", "application", {"incident_order": "oldest_first"})
    _fault(emulator, "churn", tenant=TENANT, path=XDR, times=1)
    pages = [caller.get(XDR, tokens[XDR], **{"$top": 3, "$skip": skip}).json()["value"] for skip in (0, 3)]
    assert [incident["incidentId"] for page in pages for incident in page] == [1, 2, 3, 5, 6, 1]


@pytest.mark.parametrize(("status", "answered"), [(None, 410), (404, 404), (400, 400)])
def test_a_retired_endpoint(
    caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str], status: int | None, answered: int
) -> None:
    _fault(emulator, "retired", path=XDR, status=status)
    answer = caller.get(XDR, tokens[XDR])
    assert (answer.status_code, "retired" in answer.json()["error"]["message"]) == (answered, True)
    assert caller.get(INCIDENTS, tokens[INCIDENTS]).status_code == 200
    emulator.control("DELETE", "faults")
    _fault(emulator, "retired", path=ALERTS, status=status)
    assert "innerError" in caller.get(ALERTS, tokens[ALERTS]).json()["error"]
    emulator.control("DELETE", "faults")
    _fault(emulator, "retired", path=XDR, body="Gone for good")
    assert caller.get(XDR, tokens[XDR]).text == "Gone for good"


def test_the_xdr_api_ends_on_its_day(caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]) -> None:
    emulator.control("PATCH", "application", {"xdr_ends_at": "2999-01-01T00:00:00Z"})
    assert caller.get(XDR, tokens[XDR]).status_code == 200
    emulator.control("PATCH", "application", {"xdr_ends_at": "2026-01-01T00:00:00Z"})
    ended = caller.get(XDR, tokens[XDR])
    assert (ended.status_code, ended.json()["error"]["code"]) == (410, "Gone")
    assert caller.get(INCIDENTS, tokens[INCIDENTS]).status_code == 200


def test_a_change_that_is_accepted_and_not_made(
    caller: Caller, emulator: EmulatorProcess, consented: Consent, tokens: dict[str, str]
) -> None:
    consented("contoso", "Incident.ReadWrite.All", "SecurityIncident.ReadWrite.All", "SecurityAlert.ReadWrite.All")
    changing = {
        XDR: caller.token(),
        INCIDENTS: caller.token(scope=GRAPH_SCOPE),
        ALERTS: caller.token(scope=GRAPH_SCOPE),
    }
    status = {XDR: "Resolved", INCIDENTS: "resolved", ALERTS: "resolved"}
    _fault(emulator, "not_applied", tenant=TENANT, times=3)
    for path, name in ((XDR, "incidentId"), (INCIDENTS, "id"), (ALERTS, "id")):
        before = caller.get(path, tokens[path]).json()["value"][0]
        address = f"{emulator.url}{path}/{before[name]}"
        headers = {"Authorization": f"Bearer {changing[path]}"}
        for changed in (False, True):
            answer = caller.session.patch(address, json={"status": status[path]}, headers=headers, timeout=10)
            assert answer.status_code == 200
            assert (answer.json()["status"] == status[path]) is (changed or before["status"] == status[path])
            after = caller.get(f"{path}/{before[name]}", tokens[path]).json()
            after.pop("@odata.context")
            assert (after == before) is not changed
            if not changed:
                emulator.control("DELETE", "faults")
        _fault(emulator, "not_applied", tenant=TENANT)
