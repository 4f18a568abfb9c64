# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The incidents of each tenant: made when first asked for, always the same for the same tenant and epoch."""

from __future__ import annotations

import json
import random
import re
import uuid
from dataclasses import dataclass
from typing import Any

from defender_emulator import timestamps
from defender_emulator.defender.evidence import Scene, device, entity
from defender_emulator.defender.scenarios import SCENARIOS, Scenario
from defender_emulator.entra.tenants import Tenant
from defender_emulator.store import Store
from defender_emulator.timestamps import SECOND

_ID = re.compile(r"[0-9]{1,18}")
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


@dataclass(slots=True)
class Incident:
    """One incident: the fields that filters look at, and the whole as JSON in the Defender XDR API's form.

    ``created`` and ``updated`` are ticks. ``json`` is kept instead of objects because a thousand tenants are.
    """

    incident_id: int
    created: int
    updated: int
    status: str
    severity: str
    assigned_to: str | None
    classification: str
    determination: str
    json: bytes

    @classmethod
    def of(cls, document: dict[str, Any]) -> Incident:
        """The incident that a document of the XDR API describes."""
        return cls(
            document["incidentId"],
            timestamps.read(document["createdTime"]),
            timestamps.read(document["lastUpdateTime"]),
            document["status"],
            document["severity"],
            document["assignedTo"],
            document["classification"],
            document["determination"],
            json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(),
        )

    def document(self) -> dict[str, Any]:
        """The whole incident in the XDR API's form."""
        document: dict[str, Any] = json.loads(self.json)
        return document


class IncidentArchive:
    """Every tenant's incidents, in no particular order, with the changes clients made."""

    def __init__(self, store: Store, epoch: int) -> None:
        self._store = store
        self._epoch = epoch
        self._by_tenant: dict[str, tuple[int, dict[int, Incident]]] = {}
        self._changed: dict[str, dict[int, dict[str, Any]]] = {}
        for key, document in store.all("incident").items():
            tenant_id, _mark, incident_id = key.partition("/")
            self._changed.setdefault(tenant_id, {})[int(incident_id)] = document

    def of(self, tenant: Tenant) -> dict[int, Incident]:
        """The tenant's incidents by id."""
        seed = uuid.UUID(tenant.tenant_id).int
        count = tenant.settings.incident_count
        if count is None:
            count = 25 + seed % 36
        known = self._by_tenant.get(tenant.tenant_id)
        if known is not None and known[0] == count:
            return known[1]
        incidents = {}
        changed = self._changed.get(tenant.tenant_id, {})
        for number in range(count):
            incident_id = _incident_id(seed, number)
            document = changed.get(incident_id) or _make(tenant, seed, number, self._epoch)
            incidents[incident_id] = Incident.of(document)
        self._by_tenant[tenant.tenant_id] = (count, incidents)
        return incidents

    def find(self, tenant: Tenant, incident_id: str) -> Incident | None:
        """The incident whose id a client wrote, if it is one."""
        return self.of(tenant).get(int(incident_id)) if _ID.fullmatch(incident_id) else None

    def save(self, tenant: Tenant, document: dict[str, Any]) -> Incident:
        """Replace an incident by its changed document."""
        incident = Incident.of(document)
        self.of(tenant)[incident.incident_id] = incident
        self._changed.setdefault(tenant.tenant_id, {})[incident.incident_id] = document
        self._store.put("incident", f"{tenant.tenant_id}/{incident.incident_id}", document)
        return incident


def _age(number: int) -> int:
    # Steps of the golden ratio: spread evenly over the span, never twice the same, and in no order.
    return _NEWEST + int((number * _GOLDEN % 1) * (_SPAN - _NEWEST))


def _incident_id(seed: int, number: int) -> int:
    return 100_000 + seed % 800_000 + (_SPAN - _age(number)) // 10


def _make(tenant: Tenant, seed: int, number: int, epoch: int) -> dict[str, Any]:
    rng = random.Random(seed % 2**64 + number)
    scenario = SCENARIOS[(seed + number) % len(SCENARIOS)]
    incident_id = _incident_id(seed, number)
    digits = rng.choice(_FRACTION_DIGITS)
    created = (epoch - _age(number)) * SECOND + rng.randrange(SECOND)
    updated = created + rng.randrange(60, _NEWEST) * SECOND
    if number % 6 == 5:
        # Changed by one bulk action: several incidents share the moment.
        updated, digits = (epoch - 600 * (number // 6 % 3 + 1)) * SECOND, 7
    redirected = number % 12 == 7
    status = "Redirected" if redirected else rng.choice(_STATUSES)
    classification, determination = rng.choice(_VERDICTS) if status == "Resolved" else ("Unknown", "NotAvailable")
    severity = rng.choice(scenario.severities)
    analyst = None if status == "Active" and rng.random() < 0.7 else rng.choice(_ANALYSTS)
    alerts = [
        _alert(rng, scenario, tenant, incident_id, order, created, severity, status)
        for order in range(rng.randrange(1, len(scenario.alerts) + 1))
    ]
    return {
        "incidentId": incident_id,
        "redirectIncidentId": _incident_id(seed, number - 1) if redirected else None,
        "incidentName": scenario.name,
        "createdTime": timestamps.write(created, digits),
        "lastUpdateTime": timestamps.write(updated, digits),
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
        "title": scenario.alerts[order],
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
