# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts of the incidents, one by one, as Microsoft Graph lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from defender_emulator import json_text, timestamps
from defender_emulator.defender.documents import AlertDocument
from defender_emulator.defender.incidents import Incident
from defender_emulator.entra.tenants import Tenant
from defender_emulator.store import Store

_KIND = "alert comments"


@dataclass(slots=True)
class Alert:
    """One alert and the incident it belongs to. ``document`` is the Defender XDR API's form, moments are in ticks."""

    incident_id: int
    created: int
    updated: int
    document: AlertDocument


def alerts_of(incidents: Iterable[Incident]) -> list[Alert]:
    """Every alert of the incidents, in their order."""
    return [
        Alert(
            incident.incident_id,
            timestamps.read(document["creationTime"]),
            timestamps.read(document["lastUpdatedTime"]),
            document,
        )
        for incident in incidents
        for document in incident.document()["alerts"]
    ]


def find_alert(incidents: Iterable[Incident], alert_id: str) -> tuple[Incident, int] | None:
    """The incident that has the alert of that id, and the alert's place in it."""
    written = b'"alertId":' + json_text.write(alert_id)
    for incident in incidents:
        if written in incident.json:
            for place, alert in enumerate(incident.document()["alerts"]):
                if alert["alertId"] == alert_id:
                    return incident, place
    return None


class AlertComments:
    """The comments on alerts, in Graph's form; beside the alerts, because the Defender XDR API does not show them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, tenant: Tenant, alert_id: str) -> list[dict[str, str]]:
        """The comments on one alert, oldest first."""
        comments: list[dict[str, str]] = self._store.get(_KIND, f"{tenant.tenant_id}/{alert_id}") or []
        return comments

    def add(self, tenant: Tenant, alert_id: str, comment: dict[str, str]) -> None:
        """Append one comment."""
        self._store.put(_KIND, f"{tenant.tenant_id}/{alert_id}", [*self.of(tenant, alert_id), comment])

    def clear(self) -> None:
        """Forget every comment."""
        self._store.clear(_KIND)
