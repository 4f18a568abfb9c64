# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incident documents as services write them, handed over whole: what was given is what is served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller

Consent = Callable[..., None]
CONTROL = "tenants/contoso.example/incidents"
XDR_INCIDENT: dict[str, Any] = {
    "incidentId": 924565,
    "incidentUri": "https://security.microsoft.com/incidents/924565?tid=x",
    "redirectIncidentId": None,
    "incidentName": "Ransomware activity on one endpoint",
    "createdTime": "2026-11-20T14:46:57.0733333Z",
    "lastUpdateTime": "2026-11-20T15:01:02.29Z",
    "assignedTo": None,
    "classification": "Unknown",
    "determination": "NotAvailable",
    "detectionSource": "WindowsDefenderAv",
    "status": "Active",
    "severity": "Medium",
    "tags": ["Demo"],
    "comments": [{"comment": "seen", "createdBy": "a@b.example", "createdTime": "2026-11-20T15:00:37.8404534Z"}],
    "alerts": [
        {
            "alertId": "da637551227677560813_-961444813",
            "providerAlertId": "da637551227677560813_-961444813",
            "incidentId": 924565,
            "serviceSource": "MicrosoftDefenderForEndpoint",
            "creationTime": "2026-11-20T14:46:55.7182276Z",
            "lastUpdatedTime": "2026-11-20T14:46:57.2433333Z",
            "resolvedTime": None,
            "firstActivity": "2026-11-20T14:40:00Z",
            "lastActivity": "2026-11-20T14:45:10Z",
            "title": "Suspicious file",
            "description": "A file that nobody knows was started.",
            "category": "Impact",
            "status": "New",
            "severity": "Medium",
            "investigationId": None,
            "investigationState": "UnsupportedAlertType",
            "classification": None,
            "determination": None,
            "detectionSource": None,
            "detectorId": "e0da400f-affd-43ef-b1d5-afc2eb6f2756",
            "assignedTo": None,
            "actorName": None,
            "threatFamilyName": None,
            "mitreTechniques": [],
            "devices": [{"mdatpDeviceId": "24c2", "deviceDnsName": "srv1.contoso.example", "osBuild": None, "new": {}}],
            "entities": [
                {"entityType": "CloudApplication", "applicationId": 20893, "evidenceCreationTime": "2026-11-20T14:46Z"},
                {"entityType": "User", "accountName": "ada", "extra": [1]},
            ],
        }
    ],
    "entities": [],
    "deep": [[[[{"kept": 1}]]]],
}
GRAPH_INCIDENT: dict[str, Any] = {
    "id": "2972395",
    "incidentWebUrl": "https://security.microsoft.com/incident2/2972395/overview?tid=x",
    "redirectIncidentId": None,
    "displayName": "Multi-stage incident",
    "createdDateTime": "2026-11-13T08:43:35.5533333Z",
    "lastUpdateDateTime": "2026-11-30T09:35:45.1133333Z",
    "assignedTo": "kaic@contoso.example",
    "classification": "truePositive",
    "determination": "multiStagedAttack",
    "status": "inProgress",
    "severity": "unknown",
    "customTags": ["Demo"],
    "systemTags": ["Defender Experts"],
    "description": "An incident of several alerts",
    "lastModifiedBy": "DavidS@contoso.example",
    "resolvingComment": None,
    "summary": "Defender Experts has identified a risk",
    "priorityScore": 83,
    "comments": [
        {"comment": "Seen", "createdByDisplayName": "David", "createdDateTime": "2026-11-30T09:35:00Z"},
    ],
    "alerts": [
        {
            "id": "da637551227677560813_-961444813",
            "providerAlertId": "da637551227677560813_-961444813",
            "incidentId": "2972395",
            "status": "new",
            "severity": "low",
            "classification": "unknown",
            "determination": "unknown",
            "serviceSource": "microsoftDefenderForOffice365",
            "detectionSource": "antivirus",
            "productName": "Microsoft Defender for Office 365",
            "detectorId": "e0da400f",
            "title": "Suspicious execution",
            "category": "Execution",
            "categories": ["Execution"],
            "assignedTo": None,
            "createdDateTime": "2026-11-13T08:43:35Z",
            "lastUpdateDateTime": "2026-11-13T08:44:35Z",
            "customDetails": {"rule": {"id": 1}},
            "comments": [{"comment": "first", "createdByDisplayName": "D", "createdDateTime": "2026-11-13T09:00:00Z"}],
            "evidence": [
                {
                    "@odata.type": "#microsoft.graph.security.deviceEvidence",
                    "mdeDeviceId": "73e7",
                    "deviceDnsName": "yonif-lap3.example",
                    "osBuild": 22424,
                    "loggedOnUsers": [],
                },
                {"@odata.type": "#microsoft.graph.security.somethingNewEvidence", "detailedRoles": ["x"]},
            ],
        }
    ],
}


@pytest.fixture
def tokens(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> dict[str, str]:
    roles = ("Incident.ReadWrite.All", "SecurityIncident.ReadWrite.All", "SecurityAlert.ReadWrite.All")
    consented("contoso", *roles, "ThreatHunting.Read.All")
    emulator.control("PATCH", "tenants/contoso.example", {"incident_count": 0})
    return {"xdr": caller.token(), "graph": caller.token(scope=GRAPH_SCOPE)}


def _give(emulator: EmulatorProcess, document: dict[str, Any]) -> None:
    emulator.control("POST", CONTROL, {"incidents": [document]})


def test_a_document_of_the_xdr_api_is_served_as_it_was_given(
    caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]
) -> None:
    _give(emulator, XDR_INCIDENT)
    [listed] = caller.get("/api/incidents", tokens["xdr"]).json()["value"]
    assert listed == XDR_INCIDENT
    assert emulator.control("GET", CONTROL) == {"incidents": [XDR_INCIDENT]}
    [alert] = caller.get("/v1.0/security/alerts_v2", tokens["graph"]).json()["value"]
    types = [one["@odata.type"].rpartition(".")[2] for one in alert["evidence"]]
    assert types == ["deviceEvidence", "cloudApplicationEvidence", "userEvidence"]
    assert (alert["title"], alert["detectionSource"]) == ("Suspicious file", "unknown")


def test_a_document_of_graph_is_served_as_it_was_given(
    caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]
) -> None:
    _give(emulator, GRAPH_INCIDENT)
    path = "/v1.0/security/incidents"
    [listed] = caller.get(path, tokens["graph"], **{"$expand": "alerts"}).json()["value"]
    assert {name: listed[name] for name in GRAPH_INCIDENT if name != "alerts"} == {
        name: value for name, value in GRAPH_INCIDENT.items() if name != "alerts"
    }
    [given], [alert] = GRAPH_INCIDENT["alerts"], listed["alerts"]
    assert {name: alert[name] for name in given} == given
    assert listed["tenantId"] == alert["tenantId"] == emulator.tenant_id("contoso")
    found = caller.get(path, tokens["graph"], **{"$filter": "determination eq 'multiStagedAttack'"}).json()["value"]
    assert [one["id"] for one in found] == ["2972395"]


def test_the_other_api_shows_what_it_has_a_place_for(
    caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]
) -> None:
    _give(emulator, GRAPH_INCIDENT)
    [xdr] = caller.get("/api/incidents", tokens["xdr"]).json()["value"]
    one = caller.get("/api/incidents/2972395", tokens["xdr"]).json()
    assert {**xdr, "@odata.context": one["@odata.context"]} == one
    assert (xdr["incidentId"], xdr["severity"], xdr["status"]) == (2972395, "UnSpecified", "InProgress")
    assert (xdr["classification"], xdr["determination"]) == ("TruePositive", "MultiStagedAttack")
    assert xdr["comments"] == [{"comment": "Seen", "createdBy": "David", "createdTime": "2026-11-30T09:35:00Z"}]
    [alert] = xdr["alerts"]
    assert (alert["serviceSource"], alert["detectionSource"]) == ("OfficeATP", "WindowsDefenderAv")
    assert [device["deviceDnsName"] for device in alert["devices"]] == ["yonif-lap3.example"]
    assert not {"priorityScore", "summary", "@graph", "systemTags"} & set(xdr)
    assert not {"evidence", "@graph", "customDetails"} & set(alert)


def test_changes_go_on_top_of_what_was_given(caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]) -> None:
    _give(emulator, GRAPH_INCIDENT)
    headers = {"Authorization": f"Bearer {tokens['graph']}"}
    alert_id = GRAPH_INCIDENT["alerts"][0]["id"]
    security = f"{emulator.url}/v1.0/security"
    changed = caller.session.patch(
        f"{security}/incidents/2972395", json={"status": "resolved"}, headers=headers, timeout=10
    ).json()
    assert (changed["status"], changed["priorityScore"]) == ("resolved", 83)
    comments = caller.session.post(
        f"{security}/alerts_v2/{alert_id}/comments", json={"comment": "second"}, headers=headers, timeout=10
    ).json()["value"]
    assert [comment["comment"] for comment in comments] == ["first", "second"]
    emulator.control("PATCH", f"{CONTROL}/2972395", {"displayName": "Renamed", "priorityScore": 5})
    one = caller.get("/v1.0/security/incidents/2972395", tokens["graph"]).json()
    assert (one["displayName"], one["priorityScore"], one["summary"]) == ("Renamed", 5, GRAPH_INCIDENT["summary"])
    hunted = caller.session.post(
        f"{security}/runHuntingQuery",
        json={"Query": "DeviceInfo | project DeviceName", "Timespan": "P30D"},
        headers=headers,
        timeout=10,
    ).json()
    assert hunted["results"] == [{"DeviceName": "yonif-lap3.example"}]
