# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes incidents: a tenant's first ones, always the same for the same tenant and epoch, and those a test orders."""

from __future__ import annotations

import random
import uuid
from typing import Any

from defender_emulator import timestamps
from defender_emulator.defender.evidence import Scene, device, entity
from defender_emulator.defender.scenarios import SCENARIOS, Scenario
from defender_emulator.entra.tenants import Tenant
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


def make(tenant: Tenant, number: int, epoch: int) -> dict[str, Any]:
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
    given = {
        "incidentId": incident_id(tenant, number),
        "redirectIncidentId": incident_id(tenant, number - 1) if redirected else None,
        "createdTime": timestamps.write(created, digits),
        "lastUpdateTime": timestamps.write(updated, digits),
    }
    return _document(rng, tenant, scenario, given, None)


def complete(tenant: Tenant, given: dict[str, Any], alert_count: int | None = None) -> dict[str, Any]:
    """The incident of which ``given`` is known, at least its ``incidentId``; the same id gets the same rest.

    Texts of times stay as they are. Without ``lastUpdateTime`` it was changed just now, without ``createdTime`` made an
    hour before. The alerts and comments of ``given`` are completed too.
    """
    rng = random.Random(_seed(tenant) % 2**64 + given["incidentId"])
    updated = timestamps.read(given["lastUpdateTime"]) if "lastUpdateTime" in given else timestamps.now()
    times = {
        "createdTime": timestamps.write(updated - 3600 * SECOND),
        "lastUpdateTime": timestamps.write(updated),
    }
    alerts = given.get("alerts")
    count = alert_count if alerts is None else len(alerts)
    known = {"redirectIncidentId": None, **times, **given}
    document = _document(rng, tenant, rng.choice(SCENARIOS), known, count)
    made = document["alerts"]
    document.update(given)
    if alerts is not None:
        document["alerts"] = [{**rest, **alert} for rest, alert in zip(made, alerts, strict=True)]
    if "comments" in given:
        [usual] = _comments(_ANALYSTS[0], updated)
        document["comments"] = [{**usual, **comment} for comment in given["comments"]]
    return document


def _seed(tenant: Tenant) -> int:
    return uuid.UUID(tenant.tenant_id).int


def _age(number: int) -> int:
    # Steps of the golden ratio: spread evenly over the span, never twice the same, and in no order.
    return _NEWEST + int((number * _GOLDEN % 1) * (_SPAN - _NEWEST))


def _document(
    rng: random.Random, tenant: Tenant, scenario: Scenario, known: dict[str, Any], alert_count: int | None
) -> dict[str, Any]:
    """``known`` has ids and times. An ``alert_count`` of None means as many as the scenario likes."""
    redirected = known["redirectIncidentId"] is not None
    status = known.get("status") or ("Redirected" if redirected else rng.choice(_STATUSES))
    classification, determination = rng.choice(_VERDICTS) if status == "Resolved" else ("Unknown", "NotAvailable")
    severity = known.get("severity") or rng.choice(scenario.severities)
    analyst = None if status == "Active" and rng.random() < 0.7 else rng.choice(_ANALYSTS)
    if alert_count is None:
        alert_count = rng.randrange(1, len(scenario.alerts) + 1)
    created, updated = (timestamps.read(known[name]) for name in ("createdTime", "lastUpdateTime"))
    alerts = [
        _alert(rng, scenario, tenant, known["incidentId"], order, created, severity, status)
        for order in range(alert_count)
    ]
    return {
        "incidentId": known["incidentId"],
        "redirectIncidentId": known["redirectIncidentId"],
        "incidentName": scenario.name,
        "createdTime": known["createdTime"],
        "lastUpdateTime": known["lastUpdateTime"],
        "assignedTo": analyst,
        "classification": classification,
        "determination": determination,
        "status": status,
        "severity": severity,
        "tags": rng.choice(([], [], ["Demo"], ["Reviewed", "Tier 2"])),
        "comments": _comments(analyst, updated) if status in ("InProgress", "Resolved") and analyst else [],
        "alerts": alerts,
    }


def _comments(analyst: str, updated: int) -> list[dict[str, str]]:
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
) -> dict[str, Any]:
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
