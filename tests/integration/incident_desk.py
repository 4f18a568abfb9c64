# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The incidents of the emulator's tenants, as an analyst at the portal sees and changes them."""

from __future__ import annotations

from typing import Any

from emulator_process import EmulatorProcess

WRITERS = ["Incident.ReadWrite.All", "SecurityIncident.ReadWrite.All", "SecurityAlert.ReadWrite.All"]


class IncidentDesk:
    """Opens tenants that have granted all it takes to change incidents, and have no incidents but those put there."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self._emulator = emulator

    def open(self, name: str, roles: list[str] | None = None) -> str:
        """Return the id of the tenant."""
        tenant_id = self._emulator.tenant_id(name)
        self._emulator.control("POST", f"tenants/{tenant_id}/consent", {"roles": roles or WRITERS})
        self._emulator.control("PATCH", f"tenants/{tenant_id}", {"incident_count": 0})
        return tenant_id

    def put(self, tenant: str, *incidents: dict[str, Any]) -> list[str]:
        """Add incidents (parts of documents of the Defender XDR API) and return their ids as tasks write them."""
        path = f"tenants/{self._emulator.tenant_id(tenant)}/incidents"
        ids: list[int] = self._emulator.control("POST", path, {"incidents": list(incidents)})["ids"]
        return [str(number) for number in ids]

    def change(self, tenant: str, incident_id: str, **fields: Any) -> None:
        """Change an incident as an analyst does, now."""
        self._emulator.control("PATCH", f"tenants/{self._emulator.tenant_id(tenant)}/incidents/{incident_id}", fields)

    def see(self, tenant: str, incident_id: str) -> dict[str, Any]:
        """Return an incident as it is now, as a document of the Defender XDR API."""
        documents = self._emulator.control("GET", f"tenants/{self._emulator.tenant_id(tenant)}/incidents")["incidents"]
        found: list[dict[str, Any]] = [one for one in documents if str(one["incidentId"]) == incident_id]
        assert len(found) == 1
        return found[0]
