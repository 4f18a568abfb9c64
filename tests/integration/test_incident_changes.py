# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing incidents and alerts on both APIs: what is sent, what is left alone; a second run changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.emulated_tenants import IncidentDesk
from support.emulator import EmulatorProcess
from support.operations import Tasks

APIS = ["xdr", "graph"]
NEW = {
    "status": "Active",
    "assignedTo": None,
    "classification": "Unknown",
    "determination": "NotAvailable",
    "tags": ["vip"],
}
PATCH = {"xdr": "PATCH /api/incidents", "graph": "PATCH /v1.0/security/incidents"}


@pytest.fixture
def contoso(emulator: EmulatorProcess) -> str:
    return emulator.tenant_id("contoso")


@pytest.mark.parametrize("api", APIS)
def test_everything_is_set_at_once_and_only_once(
    tasks: Tasks, desk: IncidentDesk, contoso: str, count_requests: Callable[[str], int], api: str
) -> None:
    (incident_id,) = desk.put("contoso", {**NEW, "comments": []})
    asked = {
        "tenant_id": contoso,
        "api": api,
        "incident_id": incident_id,
        "status": "Resolved",
        "assigned_to": "tier1@provider.example",
        "classification": "FalsePositive",
        "determination": "NoEnoughDataToValidate",
        "tags": {"add": ["closed"], "remove": ["vip"]},
        "comment": "Nothing <b>here</b>: {{ really }}",
    }
    planned = tasks.incident(check_mode=True, **asked)
    before = desk.see("contoso", incident_id)
    assert (before["status"], planned["changed"]) == ("Active", True)

    result = tasks.incident(**asked)
    assert (result["state"], result["changed"], result["failed"]) == ("granted", True, False)
    assert result["incidents"] == planned["incidents"], "check mode tells what the run does"
    (incident,) = result["incidents"]
    assert (incident["incident_id"], incident["result"]) == (incident_id, "changed")
    assert set(incident["after"]) == {"status", "assigned_to", "classification", "determination", "tags", "comment"}
    now = desk.see("contoso", incident_id)
    assert (now["status"], now["assignedTo"]) == ("Resolved", "tier1@provider.example")
    assert (now["classification"], now["determination"]) == ("FalsePositive", "NoEnoughDataToValidate")
    assert now["tags"] == ["closed"]
    (comment,) = now["comments"]
    assert comment["comment"].startswith("Nothing <b>here</b>: {{ really }} [ansible:")

    again = tasks.incident(**asked)
    assert (again["changed"], again["incidents"][0]["result"]) == (False, "unchanged")
    assert desk.see("contoso", incident_id) == now
    assert count_requests(PATCH[api]) == 1


@pytest.mark.parametrize("api", APIS)
def test_only_what_differs_is_reported(tasks: Tasks, desk: IncidentDesk, contoso: str, api: str) -> None:
    (incident_id,) = desk.put("contoso", {**NEW, "assignedTo": "Tier1@Provider.example", "status": "InProgress"})
    result = tasks.incident(
        tenant_id=contoso,
        api=api,
        incident_id=incident_id,
        status="InProgress",
        assigned_to="tier1@provider.example",
        classification="TruePositive",
    )
    assert set(result["incidents"][0]["after"]) == {"classification"}
    headers = {header: result["diff"][0][f"{header}_header"] for header in ("before", "after")}
    assert headers == dict.fromkeys(("before", "after"), f"{contoso} incident {incident_id}")
    assert result["diff"][0]["after"] == result["incidents"][0]["after"]
    assert desk.see("contoso", incident_id)["assignedTo"] == "Tier1@Provider.example"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("determination", ["CompromisedAccount", "Phishing"])
def test_a_conclusion_that_another_page_spells_otherwise_is_the_same(
    tasks: Tasks, desk: IncidentDesk, contoso: str, api: str, determination: str
) -> None:
    (incident_id,) = desk.put("contoso", NEW)
    asked = {"tenant_id": contoso, "api": api, "incident_id": incident_id}
    asked |= {"classification": "TruePositive", "determination": determination}
    assert tasks.incident(**asked)["changed"]
    assert desk.see("contoso", incident_id)["determination"] == determination
    assert not tasks.incident(**asked)["changed"]
    assert not tasks.incident(**{**asked, "api": "xdr"})["changed"], "the other API sees the same"


@pytest.mark.parametrize("api", APIS)
def test_an_assignment_is_taken_away_and_tags_are_set(tasks: Tasks, desk: IncidentDesk, contoso: str, api: str) -> None:
    (incident_id,) = desk.put("contoso", {**NEW, "assignedTo": "tier1@provider.example"})
    asked = {
        "tenant_id": contoso,
        "api": api,
        "incident_id": incident_id,
        "assigned_to": "",
        "tags": {"set": ["a", "b"]},
    }
    assert tasks.incident(**asked)["incidents"][0]["after"] == {"assigned_to": None, "tags": ["a", "b"]}
    now = desk.see("contoso", incident_id)
    assert (now["assignedTo"], now["tags"]) == (None, ["a", "b"])
    assert not tasks.incident(**asked)["changed"]
    assert tasks.incident(**{**asked, "tags": {"set": []}})["changed"]
    assert desk.see("contoso", incident_id)["tags"] == []


@pytest.mark.parametrize("api", APIS)
def test_a_comment_is_said_anew_under_another_key_only(
    tasks: Tasks, desk: IncidentDesk, contoso: str, api: str
) -> None:
    (incident_id,) = desk.put("contoso", {**NEW, "comments": []})
    asked = {"tenant_id": contoso, "api": api, "incident_id": incident_id}
    for comment, key, count in (
        ("Reminder", None, 1),
        ("Reminder", None, 1),
        ("Reminder", "monday", 2),
        ("Reminder, last", "monday", 2),
        ("Reminder", "tuesday", 3),
    ):
        tasks.incident(**asked, comment=comment, comment_key=key)
        assert len(desk.see("contoso", incident_id)["comments"]) == count, (comment, key)


@pytest.mark.parametrize("api", APIS)
def test_a_redirected_incident_is_changed_where_it_went(
    tasks: Tasks, desk: IncidentDesk, contoso: str, api: str
) -> None:
    (target,) = desk.put("contoso", NEW)
    (middle,) = desk.put("contoso", {"redirectIncidentId": int(target)})
    (first,) = desk.put("contoso", {"redirectIncidentId": int(middle)})
    earlier = {identity: desk.see("contoso", identity) for identity in (first, middle)}
    result = tasks.incident(tenant_id=contoso, api=api, incident_id=first, status="InProgress")
    (incident,) = result["incidents"]
    assert (incident["incident_id"], incident["redirected_from"]) == (target, first)
    assert desk.see("contoso", target)["status"] == "InProgress"
    assert {identity: desk.see("contoso", identity) for identity in (first, middle)} == earlier


@pytest.mark.parametrize("api", APIS)
def test_redirections_that_lead_nowhere_are_skipped(tasks: Tasks, desk: IncidentDesk, contoso: str, api: str) -> None:
    one, other = desk.put("contoso", {"redirectIncidentId": 1}, NEW)
    desk.put("contoso", {"incidentId": int(one), "redirectIncidentId": int(other)})
    desk.put("contoso", {"incidentId": int(other), "redirectIncidentId": int(one)})
    result = tasks.incident(tenant_id=contoso, api=api, incident_id=one, status="Resolved")
    assert (result["state"], result["changed"]) == ("granted", False)
    assert result["incidents"][0]["result"] == "skipped"
    assert "circle" in result["incidents"][0]["msg"]
    (lost,) = desk.put("contoso", {"redirectIncidentId": 77_777_777})
    result = tasks.incident(tenant_id=contoso, api=api, incident_id=lost, status="Resolved")
    assert result["state"] == "error"
    assert f"incident 77777777 (to which {lost} was redirected) is not in this tenant" in result["msg"]


@pytest.mark.parametrize("api", APIS)
def test_an_incident_that_somebody_updated_meanwhile_is_left_alone(
    tasks: Tasks, desk: IncidentDesk, contoso: str, api: str
) -> None:
    (incident_id,) = desk.put("contoso", {**NEW, "lastUpdateTime": "2026-11-20T15:01:02.29Z"})
    asked = {"tenant_id": contoso, "api": api, "incident_id": incident_id, "status": "Resolved", "comment": "Closed"}
    since = {"unchanged_since": "2026-11-20T15:01:02.2900000Z"}
    desk.change("contoso", incident_id, tags=["mine"])
    now = desk.see("contoso", incident_id)
    result = tasks.incident(**asked, **since)
    assert (result["state"], result["failed"], result["changed"]) == ("error", True, False)
    assert result["incidents"][0]["result"] == "conflict"
    assert now["lastUpdateTime"] in result["msg"]
    assert "provider: look at it again" in result["msg"]
    assert desk.see("contoso", incident_id) == now
    result = tasks.incident(**asked, unchanged_since=now["lastUpdateTime"])
    assert result["changed"], "with a comment of its own call, our first change is no conflict with the second"
    assert len(desk.see("contoso", incident_id)["comments"]) == len(now["comments"]) + 1
    assert tasks.incident(**asked, **since)["state"] == "granted", "nothing is left to change"


def test_an_incident_of_another_tenant_is_refused_by_name(tasks: Tasks, desk: IncidentDesk, contoso: str) -> None:
    (foreign,) = desk.put("fabrikam", {**NEW, "incidentId": 4711})
    for api in APIS:
        result = tasks.incident(tenant_id=contoso, api=api, incident_id=foreign, status="Resolved")
        assert (result["failed"], result["state"]) == (True, "error")
        assert result["msg"] == (
            f"{contoso} is error: incident 4711 is not in this tenant; provider: check tenant_id and incident_id."
        )
    assert desk.see("fabrikam", foreign)["status"] == "Active"


@pytest.mark.parametrize("api", APIS)
def test_who_may_only_read_is_told_so_before_anything_is_planned(tasks: Tasks, desk: IncidentDesk, api: str) -> None:
    wingtip = desk.open("wingtip", roles=["Incident.Read.All", "SecurityIncident.Read.All"])
    (incident_id,) = desk.put("wingtip", NEW)
    for check_mode in (True, False):
        asked = {"tenant_id": wingtip, "api": api, "incident_id": incident_id, "status": "Resolved"}
        result = tasks.incident(check_mode=check_mode, **asked)
        assert (result["state"], result["changed"]) == ("partial", False)
        assert "Incident.ReadWrite.All" in result["remedy"]
        assert result["incidents"][0]["result"] == "not_reached"


def test_alerts_are_changed_the_same_way(tasks: Tasks, desk: IncidentDesk, contoso: str) -> None:
    (incident_id,) = desk.put("contoso", {**NEW, "alert_count": 2})
    alerts = [alert["alertId"] for alert in desk.see("contoso", incident_id)["alerts"]]
    asked: dict[str, Any] = {
        "alerts": [
            {"name": "contoso", "tenant_id": contoso, "alert_id": alert} for alert in [*alerts, "no-such-alert"]
        ],
        "status": "Resolved",
        "assigned_to": "tier1@provider.example",
        "classification": "InformationalExpectedActivity",
        "determination": "ConfirmedActivity",
        "comment": "Announced",
    }
    result = tasks.alert(**asked)
    (outcome,) = result["tenants"]
    assert [alert["result"] for alert in outcome["alerts"]] == ["changed", "changed", "not_found"]
    assert "alert no-such-alert is not in this tenant" in outcome["msg"]
    assert {alert["status"] for alert in desk.see("contoso", incident_id)["alerts"]} == {"Resolved"}
    again = tasks.alert(**asked)
    assert (again["changed"], again["summary"]) == (False, {"error": 1})
