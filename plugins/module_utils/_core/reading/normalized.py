# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One common shape for the incidents and alerts of both APIs.

Sources: learn.microsoft.com, "Incidents API in Microsoft Defender XDR"; "incident resource type" and "alert resource
type" of Microsoft Graph security.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..wire.records import Record
from . import classifications

_FIELDS: dict[str, tuple[str, ...]] = {
    "id": ("incidentId", "id"),
    "title": ("incidentName", "displayName", "title"),
    "created": ("createdTime", "createdDateTime"),
    "updated": ("lastUpdateTime", "lastUpdateDateTime"),
    "assigned_to": ("assignedTo",),
    "redirect_id": ("redirectIncidentId",),
    "url": ("incidentWebUrl", "alertWebUrl"),
}
_NAMES = ("status", "severity", "classification", "determination")
# what Graph writes as `unknown`
_UNKNOWN = {"severity": "UnSpecified", "determination": "NotAvailable"}
# the XDR API still has some products by the names they used to have
_FORMER_SOURCES = {
    "MicrosoftCloudAppSecurity": "MicrosoftDefenderForCloudApps",
    "MicrosoftDefenderATP": "MicrosoftDefenderForEndpoint",
    "OfficeATP": "MicrosoftDefenderForOffice365",
}


def normalized(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the common shape of a record of either API: ids are strings, names as the XDR API spells them.

    Service sources have the names that the products have today.
    `alerts` is the number of alerts, None where they were not asked for; times are as they were sent.
    """
    common: dict[str, Any] = {name: _text(_first(record, fields)) for name, fields in _FIELDS.items()}
    common |= {name: _name(name, record.get(name)) for name in _NAMES}
    alerts = record.get("alerts")
    tags = _first(record, ("customTags", "tags"))
    common["tags"] = [_text(tag) for tag in tags if tag is not None] if isinstance(tags, list) else []
    common["service_sources"] = _sources(record)
    common["alerts"] = len(alerts) if isinstance(alerts, list) else None
    return common


def with_normalized(record: Record) -> Record:
    """Return the record as it was sent, with its common shape added as `normalized`."""
    common = normalized(record)
    body = record.text.rstrip().removesuffix("}").rstrip()
    separator = "" if body.endswith("{") else ","
    return Record({**record, "normalized": common}, f'{body}{separator}"normalized":{json.dumps(common)}}}')


def _text(value: Any) -> str | None:
    """Return what a service wrote where a text belongs, as one; None for nothing."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _name(field: str, value: Any) -> str | None:
    ours = classifications.canonical(_text(value))
    return _UNKNOWN.get(field, ours) if ours == "Unknown" else ours


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((record[name] for name in names if record.get(name) is not None), None)


def _sources(record: Mapping[str, Any]) -> list[str]:
    alerts = record.get("alerts")
    found = [record, *(alerts if isinstance(alerts, list) else [])]
    names = (classifications.canonical(_text(one.get("serviceSource"))) for one in found if isinstance(one, dict))
    return sorted({_FORMER_SOURCES.get(name, name) for name in names if name})
