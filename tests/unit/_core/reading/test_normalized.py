# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.reading.normalized import (
    normalized,
    severity_of,
    with_normalized,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.portal import Portal
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.records import Record, read_page

XDR: dict[str, Any] = {
    "incidentId": 924565,
    "redirectIncidentId": 924521,
    "incidentName": "Ransomware activity",
    "createdTime": "2026-11-20T14:46:57.0733333Z",
    "lastUpdateTime": "2026-11-20T15:01:02.29Z",
    "assignedTo": "soc@contoso.com",
    "classification": "TruePositive",
    "determination": "CompromisedAccount",
    "status": "AwaitingAction",
    "severity": "Medium",
    "tags": ["Demo"],
    "alerts": [
        {"serviceSource": "OfficeATP"},
        {"serviceSource": "MicrosoftDefenderATP"},
        {"serviceSource": "MicrosoftDefenderForEndpoint"},
    ],
}
GRAPH: dict[str, Any] = {
    "id": "924565",
    "redirectIncidentId": "924521",
    "displayName": "Ransomware activity",
    "createdDateTime": "2026-11-20T14:46:57.0733333Z",
    "lastUpdateDateTime": "2026-11-20T15:01:02.29Z",
    "assignedTo": "soc@contoso.com",
    "classification": "truePositive",
    "determination": "compromisedUser",
    "status": "awaitingAction",
    "severity": "medium",
    "customTags": ["Demo"],
    "systemTags": ["Defender Experts"],
    "incidentWebUrl": "https://security.microsoft.com/incidents/924565",
    "alerts": [
        {"serviceSource": "microsoftDefenderForOffice365"},
        {"serviceSource": "microsoftDefenderForEndpoint"},
        {"serviceSource": "microsoftDefenderForEndpoint"},
    ],
}
ALERT: dict[str, Any] = {
    "id": "da637551227677560813_-961444813",
    "title": "Suspicious file",
    "createdDateTime": "2026-11-20T14:46:57.0733333Z",
    "lastUpdateDateTime": "2026-11-20T15:01:02.29Z",
    "assignedTo": None,
    "classification": None,
    "determination": None,
    "status": "new",
    "severity": "high",
    "serviceSource": "microsoftDefenderForEndpoint",
    "incidentId": "924565",
    "incidentWebUrl": "https://security.microsoft.com/incidents/924565",
    "alertWebUrl": "https://security.microsoft.com/alerts/da637551227677560813_-961444813",
}
MEMBERS = st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text()), max_size=5)


def test_both_apis_come_to_the_same_shape_and_values() -> None:
    xdr, graph = normalized(XDR), normalized(GRAPH)
    assert xdr == {
        "id": "924565",
        "redirect_id": "924521",
        "title": "Ransomware activity",
        "created": "2026-11-20T14:46:57.0733333Z",
        "updated": "2026-11-20T15:01:02.29Z",
        "assigned_to": "soc@contoso.com",
        "classification": "TruePositive",
        "determination": "CompromisedAccount",
        "status": "AwaitingAction",
        "severity": "Medium",
        "tags": ["Demo"],
        "service_sources": ["MicrosoftDefenderForEndpoint", "MicrosoftDefenderForOffice365"],
        "alerts": 3,
        "url": None,
    }
    assert graph == {**xdr, "url": GRAPH["incidentWebUrl"]}
    assert list(graph) == list(xdr)


def test_an_alert_has_the_same_members() -> None:
    alert = normalized(ALERT)
    assert list(alert) == list(normalized(XDR))
    assert (alert["id"], alert["title"], alert["status"]) == (ALERT["id"], "Suspicious file", "New")
    assert (alert["severity"], alert["url"], alert["alerts"]) == ("High", ALERT["alertWebUrl"], None)
    assert (alert["classification"], alert["redirect_id"], alert["tags"]) == (None, None, [])


def test_in_its_tenants_portal_a_record_of_either_api_has_the_same_page() -> None:
    portal = Portal("security.microsoft.com", "44444444-4444-4444-8444-444444444444")
    assert normalized(XDR, portal) == normalized(GRAPH, portal)
    assert normalized(XDR, portal)["url"] == f"{GRAPH['incidentWebUrl']}?tid={portal.tenant_guid}"
    record = with_normalized(Record(XDR, json.dumps(XDR)), portal)
    assert json.loads(record.text)["normalized"] == normalized(XDR, portal)


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        ("High", "high"),
        ("informational", "informational"),
        ("UnSpecified", "unspecified"),
        (None, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_severity_is_counted_by_the_apis_own_word(sent: Any, word: str) -> None:
    assert severity_of({"severity": sent}) == word


def test_an_alert_tells_of_its_own_source() -> None:
    assert normalized(ALERT)["service_sources"] == ["MicrosoftDefenderForEndpoint"]


def test_what_nobody_has_decided_yet_is_the_same_in_both() -> None:
    names = ("status", "severity", "classification", "determination")
    xdr = {"severity": "UnSpecified", "classification": "Unknown", "determination": "NotAvailable"}
    common = [normalized(record) for record in (xdr, dict.fromkeys(xdr, "unknown"))]
    assert [[one[name] for name in names] for one in common] == [[None, *xdr.values()]] * 2


def test_alerts_that_were_not_asked_for_are_none_and_not_nought() -> None:
    assert normalized({**GRAPH, "alerts": []})["alerts"] == 0
    del (without := dict(GRAPH))["alerts"]
    assert normalized(without)["alerts"] is None


@pytest.mark.parametrize("record", [{}, {"alerts": None}, {"alerts": [None, "x", {}]}, {"status": 7, "tags": None}])
def test_whatever_the_service_leaves_out_or_sends_oddly_has_its_place(record: dict[str, Any]) -> None:
    assert list(normalized(record)) == list(normalized(XDR))
    assert normalized(record)["id"] is None


@given(members=MEMBERS, indent=st.sampled_from([None, 2, "\t"]))
def test_the_text_of_the_record_is_kept_and_the_shape_added_at_its_end(members: dict[str, Any], indent: Any) -> None:
    text = json.dumps(members, indent=indent)
    record = with_normalized(Record(members, text))
    assert record == {**members, "normalized": normalized(members)}
    assert record.text.startswith(text.rstrip().removesuffix("}").rstrip())
    assert json.loads(record.text) == record
    assert read_page(f'{{"value": [{record.line()}]}}')["value"] == [record]
