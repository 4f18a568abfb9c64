# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incident documents that a test hands over, as either API writes them.

What the emulator works with must be of the right type. Whatever else a document has is kept as it is: real ones have
members that no page of Microsoft's names.
"""

from __future__ import annotations

from defender_emulator import timestamps
from defender_emulator.control.body import BadControl
from defender_emulator.defender.documents import GRAPH_ONLY
from defender_emulator.defender.graph_given import from_graph, is_graph_form
from defender_emulator.json_text import JsonObject

_TEXT = (str, type(None))
_NUMBER = (int, type(None))
_LARGEST = 10**18
_TIMES = ("createdTime", "lastUpdateTime", "creationTime", "lastUpdatedTime")
_MANY = ("alerts", "comments", "devices", "entities")

_INCIDENT: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("incidentName", "createdTime", "lastUpdateTime"), (str,)),
    **dict.fromkeys(("classification", "determination", "status", "severity"), (str,)),
    GRAPH_ONLY: (dict,),
    "incidentId": (int,),
    "redirectIncidentId": _NUMBER,
    "assignedTo": _TEXT,
    **dict.fromkeys(("tags", "comments", "alerts"), (list,)),
}
_COMMENT: dict[str, tuple[type, ...]] = dict.fromkeys(("comment", "createdBy", "createdTime"), _TEXT)
_ALERT: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("alertId", "creationTime", "lastUpdatedTime"), (str,)),
    **dict.fromkeys(("title", "description", "category", "status", "severity", "investigationState"), _TEXT),
    **dict.fromkeys(("serviceSource", "detectionSource", "detectorId", "classification", "determination"), _TEXT),
    **dict.fromkeys(("assignedTo", "actorName", "threatFamilyName"), _TEXT),
    **dict.fromkeys(("resolvedTime", "firstActivity", "lastActivity"), _TEXT),
    GRAPH_ONLY: (dict,),
    "incidentId": (int,),
    "investigationId": _NUMBER,
    "mitreTechniques": (list, type(None)),
    "devices": (list,),
    "entities": (list,),
}
_DEVICE: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("mdatpDeviceId", "deviceDnsName", "osPlatform", "version", "rbacGroupName", "firstSeen"), _TEXT),
    **dict.fromkeys(("healthStatus", "riskScore", "onboardingStatus"), _TEXT),
    "osBuild": _NUMBER,
}
_ENTITY: dict[str, tuple[type, ...]] = {"entityType": (str,), "verdict": _TEXT, "deliveryAction": _TEXT}


def read_incident(given: JsonObject) -> JsonObject:
    """The document in the Defender XDR API's form. BadControl when a member that is known has another type."""
    if is_graph_form(given):
        try:
            given = from_graph(given)
        except (AttributeError, TypeError, ValueError) as error:
            raise BadControl(f"the incident is not as Microsoft Graph writes it: {error}") from None
    _check("an incident", _INCIDENT, given)
    for comment in given.get("comments", []):
        _check("a comment", _COMMENT, comment)
    for alert in given.get("alerts", []):
        _check("an alert", _ALERT, alert)
        for device in alert.get("devices", []):
            _check("a device", _DEVICE, device)
        for entity in alert.get("entities", []):
            _check("an entity", _ENTITY, {"entityType": None, **entity})
    return given


def _check(what: str, types: dict[str, tuple[type, ...]], document: JsonObject) -> None:
    spelled = {name.lower(): name for name in types}
    for name, value in document.items():
        right = spelled.get(name.lower(), name)
        if right != name:
            raise BadControl(f"{what} has no '{name}' to set: it is called '{right}'")
        # A bool is an int to isinstance.
        if type(value) not in types.get(name, (type(value),)):
            raise BadControl(f"'{name}' cannot be {value!r}")
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if is_number and name in types and not 0 <= value < _LARGEST:
            raise BadControl(f"'{name}' must be a number of at most 18 digits")
        if name in _MANY and name in types and not all(isinstance(one, dict) for one in value):
            raise BadControl(f"'{name}' must be a list of objects")
        if name in _TIMES and name in types and types is not _COMMENT:
            _check_time(value)


def _check_time(text: str) -> None:
    try:
        timestamps.read(text)
    except ValueError as error:
        raise BadControl(str(error)) from None
