# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One common shape for the incidents and alerts of both APIs.

Sources: learn.microsoft.com, "Incidents API in Microsoft Defender XDR"; "incident resource type" and "alert resource
type" of Microsoft Graph security.
"""

from __future__ import annotations

import json
from typing import Any, TypedDict

from ..wire.records import JsonObject, Record
from . import classifications
from .portal import Portal, page_of

# what Graph writes as `unknown`
_UNKNOWN = {"severity": "UnSpecified", "determination": "NotAvailable"}
# the XDR API still has some products by the names they used to have
_FORMER_SOURCES = {
    "MicrosoftCloudAppSecurity": "MicrosoftDefenderForCloudApps",
    "MicrosoftDefenderATP": "MicrosoftDefenderForEndpoint",
    "OfficeATP": "MicrosoftDefenderForOffice365",
}


class Normalized(TypedDict):
    """The common shape of a record of either API: ids are texts, names as the XDR API spells them.

    Service sources have the names that the products have today.
    `alerts` is the number of alerts, None where they were not asked for; times are as they were sent.
    `url` is the page in Microsoft's portal.
    """

    id: str | None
    title: str | None
    created: str | None
    updated: str | None
    assigned_to: str | None
    redirect_id: str | None
    url: str | None
    status: str | None
    severity: str | None
    classification: str | None
    determination: str | None
    tags: list[str]
    service_sources: list[str]
    alerts: int | None


def normalized(record: JsonObject, portal: Portal | None = None) -> Normalized:
    """Return the common shape of a record. Without the `portal` of its tenant, `url` is only what the service sent."""
    alerts = record.get("alerts")
    tags = _first(record, ("customTags", "tags"))
    return {
        "id": _text(record, "id", "incidentId"),
        "title": _text(record, "incidentName", "displayName", "title"),
        "created": _text(record, "createdTime", "createdDateTime"),
        "updated": _text(record, "lastUpdateTime", "lastUpdateDateTime"),
        "assigned_to": _text(record, "assignedTo"),
        "redirect_id": _text(record, "redirectIncidentId"),
        "url": page_of(record, portal),
        "status": _name(record, "status"),
        "severity": _name(record, "severity"),
        "classification": _name(record, "classification"),
        "determination": _name(record, "determination"),
        "tags": [_written(tag) for tag in tags if tag is not None] if isinstance(tags, list) else [],
        "service_sources": _sources(record),
        "alerts": len(alerts) if isinstance(alerts, list) else None,
    }


def with_normalized(record: Record, portal: Portal | None = None) -> Record:
    """Return the record as it was sent, with its common shape added as `normalized`."""
    common = normalized(record, portal)
    body = record.text.rstrip().removesuffix("}").rstrip()
    separator = "" if body.endswith("{") else ","
    return Record({**record, "normalized": common}, f'{body}{separator}"normalized":{json.dumps(common)}}}')


def severity_of(record: JsonObject) -> str:
    """Return the severity in the API's own word, in lower case; `unknown` where it sends none."""
    severity = record.get("severity")
    return severity.lower() if isinstance(severity, str) and severity else "unknown"


def _text(record: JsonObject, *names: str) -> str | None:
    """Return what the first of these members says that is there, None where none is."""
    value = _first(record, names)
    return None if value is None else _written(value)


def _written(value: Any) -> str:
    """Return what a service wrote where a text belongs, as one."""
    return value if isinstance(value, str) else json.dumps(value)


def _name(record: JsonObject, field: str) -> str | None:
    ours = classifications.canonical(_text(record, field))
    return _UNKNOWN.get(field, ours) if ours == "Unknown" else ours


def _first(record: JsonObject, names: tuple[str, ...]) -> Any:
    return next((record[name] for name in names if record.get(name) is not None), None)


def _sources(record: JsonObject) -> list[str]:
    alerts = record.get("alerts")
    found = [record, *(alerts if isinstance(alerts, list) else [])]
    names = (classifications.canonical(_text(one, "serviceSource")) for one in found if isinstance(one, dict))
    return sorted({_FORMER_SOURCES.get(name, name) for name in names if name})
