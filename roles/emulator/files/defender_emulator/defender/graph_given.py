# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An incident document as Microsoft Graph writes it, taken in as one of the Defender XDR API.

What that form has no place for is kept beside it, for Graph alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from defender_emulator.defender.documents import GRAPH_ONLY
from defender_emulator.defender.graph_changes import CLASSIFICATIONS, DETERMINATIONS
from defender_emulator.defender.graph_forms import DETECTION_SOURCES, DEVICE_EVIDENCE, SERVICES
from defender_emulator.json_text import JsonObject

_GRAPH_NAMES = frozenset({"id", "displayName", "createdDateTime", "lastUpdateDateTime", "customTags", "incidentWebUrl"})


def is_graph_form(given: JsonObject) -> bool:
    """Whether the names in the document are Graph's."""
    return "incidentId" not in given and bool(_GRAPH_NAMES.intersection(given))


def from_graph(given: JsonObject) -> JsonObject:
    """The document in the Defender XDR API's form. TypeError, ValueError or AttributeError when a member is odd."""
    document = _translated(given, _INCIDENT)
    alerts = given.get("alerts")
    if alerts is not None:
        document["alerts"] = [_alert(alert) for alert in alerts]
    return document


def _alert(given: JsonObject) -> JsonObject:
    if not isinstance(given.get("comments", []), list):
        raise TypeError("the comments of an alert are a list")
    devices = [one for one in given.get("evidence") or [] if str(one.get("@odata.type")).endswith("deviceEvidence")]
    return {
        **_translated(given, _ALERT),
        "devices": [
            {ours: device[name] for name, ours in DEVICE_EVIDENCE.items() if name in device} for device in devices
        ],
        "entities": [],
    }


def _translated(given: JsonObject, names: Mapping[str, tuple[str, Callable[[Any], Any]]]) -> JsonObject:
    document: JsonObject = {}
    beside: JsonObject = {}
    for name, value in given.items():
        if name in names:
            ours, translate = names[name]
            document[ours] = translate(value)
        # The tenant is whose incident it becomes here.
        elif name not in ("alerts", "tenantId", "@odata.context"):
            beside[name] = value
    return {**document, GRAPH_ONLY: beside} if beside else document


def _same(value: Any) -> Any:
    return value


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def _member(**special: str) -> Callable[[Any], Any]:
    """Translates a name of an enumeration: its first letter is a capital, unless it is special."""
    return lambda name: name if name is None else special.get(name) or name[:1].upper() + name[1:]


def _comments(comments: list[JsonObject]) -> list[JsonObject]:
    return [
        {
            "comment": comment.get("comment"),
            "createdBy": comment.get("createdByDisplayName", comment.get("createdBy")),
            "createdTime": comment.get("createdDateTime", comment.get("createdTime")),
        }
        for comment in comments
    ]


def _backwards(names: Mapping[str, str]) -> dict[str, str]:
    return {graph: xdr for xdr, graph in names.items()}


_STATES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "status": ("status", _member()),
    "severity": ("severity", _member(unknown="UnSpecified")),
    "classification": ("classification", _member(**CLASSIFICATIONS)),
    "determination": ("determination", _member(**DETERMINATIONS)),
    "assignedTo": ("assignedTo", _same),
}
_INCIDENT: dict[str, tuple[str, Callable[[Any], Any]]] = {
    **_STATES,
    "id": ("incidentId", int),
    "redirectIncidentId": ("redirectIncidentId", _number),
    "displayName": ("incidentName", _same),
    "createdDateTime": ("createdTime", _same),
    "lastUpdateDateTime": ("lastUpdateTime", _same),
    "customTags": ("tags", _same),
    "comments": ("comments", _comments),
}
_ALERT: dict[str, tuple[str, Callable[[Any], Any]]] = {
    **_STATES,
    "id": ("alertId", _same),
    "incidentId": ("incidentId", int),
    "title": ("title", _same),
    "description": ("description", _same),
    "category": ("category", _same),
    "serviceSource": ("serviceSource", _member(**_backwards(SERVICES))),
    "detectionSource": ("detectionSource", _member(**_backwards(DETECTION_SOURCES))),
    "detectorId": ("detectorId", _same),
    "actorDisplayName": ("actorName", _same),
    "threatFamilyName": ("threatFamilyName", _same),
    "mitreTechniques": ("mitreTechniques", _same),
    "createdDateTime": ("creationTime", _same),
    "lastUpdateDateTime": ("lastUpdatedTime", _same),
    "resolvedDateTime": ("resolvedTime", _same),
    "firstActivityDateTime": ("firstActivity", _same),
    "lastActivityDateTime": ("lastActivity", _same),
}
