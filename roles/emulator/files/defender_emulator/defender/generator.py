# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes incidents: a tenant's first ones, always the same for the same tenant and epoch, and those a test orders."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import cast

from defender_emulator import timestamps
from defender_emulator.defender.documents import AlertDocument, Comment, IncidentDocument
from defender_emulator.defender.evidence import Scene, device, entity
from defender_emulator.defender.scenarios import SCENARIOS, Scenario
from defender_emulator.entra.tenants import Tenant
from defender_emulator.json_text import JsonObject
from defender_emulator.timestamps import SECOND

_SPAN = 30 * 86400
_NEWEST = 2 * 3600
_GOLDEN = 0.6180339887498949
_FRACTION_DIGITS = (0, 1, 2, 7)
_ANALYSTS = ("soc-tier1@northwind.example", "soc-tier2@northwind.example")
_STATUSES = ("Active", "Active", "Active", "InProgress", "Resolved", "Resolved")
_VERDICTS = (
    ("TruePositive", "Malware"),
    ("TruePositive", "Phishing"),
    ("TruePositive", "CompromisedAccount"),
    ("FalsePositive", "Clean"),
    ("InformationalExpectedActivity", "SecurityTesting"),
)


def usual_count(tenant: Tenant) -> int:
    """How many incidents a tenant has when nobody says so: 25 to 60."""
    return 25 + _seed(tenant) % 36


def incident_id(tenant: Tenant, number: int) -> int:
    """The id of the tenant's incident of that number."""
    return 100_000 + _seed(tenant) % 800_000 + (_SPAN - _age(number)) // 10


def make(tenant: Tenant, number: int, epoch: int) -> IncidentDocument:
    """The tenant's incident of that number, as the Defender XDR API writes it. ``epoch`` is in seconds since 1970."""
    seed = _seed(tenant)
    rng = random.Random(seed % 2**64 + number)
    scenario = SCENARIOS[(seed + number) % len(SCENARIOS)]
    digits = rng.choice(_FRACTION_DIGITS)
    created = (epoch - _age(number)) * SECOND + rng.randrange(SECOND)
    updated = created + rng.randrange(60, _NEWEST) * SECOND
    if number % 6 == 5:
        # Changed by one bulk action: several incidents share the moment.
        updated, digits = (epoch - 600 * (number // 6 % 3 + 1)) * SECOND, 7
    redirected = number % 12 == 7
    known = _Known(
        incident_id=incident_id(tenant, number),
        redirect=incident_id(tenant, number - 1) if redirected else None,
        created=timestamps.write(created, digits),
        updated=timestamps.write(updated, digits),
    )
    return _document(rng, tenant, scenario, known, None)


def complete(tenant: Tenant, given: JsonObject, alert_count: int | None = None) -> IncidentDocument:
    """The incident of which ``given`` is known, at least its ``incidentId``; the same id gets the same rest.

    What ``given`` has of the XDR API's members is of the right type.

    Texts of times stay as they are. Without ``lastUpdateTime`` it was changed just now, without ``createdTime`` made an
    hour before. The alerts and comments of ``given`` are completed too.
    """
    rng = random.Random(_seed(tenant) % 2**64 + given["incidentId"])
    updated = timestamps.read(given["lastUpdateTime"]) if "lastUpdateTime" in given else timestamps.now()
    known = _Known(
        incident_id=given["incidentId"],
        redirect=given.get("redirectIncidentId"),
        created=given.get("createdTime", timestamps.write(updated - 3600 * SECOND)),
        updated=given.get("lastUpdateTime", timestamps.write(updated)),
        status=given.get("status"),
        severity=given.get("severity"),
    )
    alerts = given.get("alerts")
    count = alert_count if alerts is None else len(alerts)
    made = _document(rng, tenant, rng.choice(SCENARIOS), known, count)
    document = cast("IncidentDocument", {**made, **given})
    if alerts is not None:
        document["alerts"] = [{**rest, **alert} for rest, alert in zip(made["alerts"], alerts, strict=True)]
    if "comments" in given:
        [usual] = _comments(_ANALYSTS[0], updated)
        document["comments"] = [{**usual, **comment} for comment in given["comments"]]
    return document


@dataclass(frozen=True)
class _Known:
    """What is settled before the rest is made up; times as the API writes them. None is for the generator to choose."""

    incident_id: int
    redirect: int | None
    created: str
    updated: str
    status: str | None = None
    severity: str | None = None


def _seed(tenant: Tenant) -> int:
    return uuid.UUID(tenant.tenant_id).int


def _age(number: int) -> int:
    # Steps of the golden ratio: spread evenly over the span, never twice the same, and in no order.
    return _NEWEST + int((number * _GOLDEN % 1) * (_SPAN - _NEWEST))


def _document(
    rng: random.Random, tenant: Tenant, scenario: Scenario, known: _Known, alert_count: int | None
) -> IncidentDocument:
    """An ``alert_count`` of None means as many as the scenario likes."""
    status = known.status or ("Redirected" if known.redirect is not None else rng.choice(_STATUSES))
    classification, determination = rng.choice(_VERDICTS) if status == "Resolved" else ("Unknown", "NotAvailable")
    severity = known.severity or rng.choice(scenario.severities)
    analyst = None if status == "Active" and rng.random() < 0.7 else rng.choice(_ANALYSTS)
    if alert_count is None:
        alert_count = rng.randrange(1, len(scenario.alerts) + 1)
    created, updated = timestamps.read(known.created), timestamps.read(known.updated)
    alerts = [
        _alert(rng, scenario, tenant, known.incident_id, order, created, severity, status)
        for order in range(alert_count)
    ]
    return {
        "incidentId": known.incident_id,
        "redirectIncidentId": known.redirect,
        "incidentName": scenario.name,
        "createdTime": known.created,
        "lastUpdateTime": known.updated,
        "assignedTo": analyst,
        "classification": classification,
        "determination": determination,
        "status": status,
        "severity": severity,
        "tags": rng.choice(([], [], ["Demo"], ["Reviewed", "Tier 2"])),
        "comments": _comments(analyst, updated) if status in ("InProgress", "Resolved") and analyst else [],
        "alerts": alerts,
    }


def _comments(analyst: str, updated: int) -> list[Comment]:
    return [{"comment": "Triage started", "createdBy": analyst, "createdTime": timestamps.write(updated - 30 * SECOND)}]


def _alert(
    rng: random.Random,
    scenario: Scenario,
    tenant: Tenant,
    incident_id: int,
    order: int,
    created: int,
    severity: str,
    status: str,
) -> AlertDocument:
    moment = created - rng.randrange(1, 600) * SECOND
    resolved = status == "Resolved"
    scene = Scene(rng, tenant.domain, moment)
    devices = [device(scene)] if scenario.has_device else []
    device_id = devices[0]["mdatpDeviceId"] if devices else None
    return {
        "alertId": f"da{moment}_{rng.getrandbits(30)}",
        "incidentId": incident_id,
        "serviceSource": scenario.service_source,
        "creationTime": timestamps.write(moment),
        "lastUpdatedTime": timestamps.write(created, 2),
        "resolvedTime": timestamps.write(created + 3600 * SECOND, 0) if resolved else None,
        "firstActivity": timestamps.write(moment - 300 * SECOND, 0),
        "lastActivity": timestamps.write(moment - 60 * SECOND, 1),
        "title": scenario.alerts[order % len(scenario.alerts)],
        "description": scenario.description,
        "category": scenario.category,
        "status": "Resolved" if resolved else rng.choice(("New", "InProgress")),
        "severity": severity,
        "investigationId": rng.randrange(1, 5000) if scenario.has_device else None,
        "investigationState": rng.choice(("Running", "UnsupportedAlertType", "Benign", "SuccessfullyRemediated")),
        "classification": None,
        "determination": None,
        "detectionSource": scenario.detection_source,
        "detectorId": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "assignedTo": None,
        "actorName": None,
        "threatFamilyName": scenario.threat_family,
        "mitreTechniques": list(scenario.techniques),
        "devices": devices,
        "entities": [entity(kind, scene, device_id) for kind in scenario.evidence],
    }
