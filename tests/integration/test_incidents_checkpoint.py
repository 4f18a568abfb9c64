# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incremental reads against the emulator: only what is new, and never less."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from emulator_process import EmulatorProcess
from integration.in_process import Tasks


@pytest.fixture
def contoso(emulator: EmulatorProcess, consent: Callable[..., None]) -> str:
    consent("contoso")
    return emulator.tenant_id("contoso")


def _ids(path: Path) -> list[int]:
    return [json.loads(line)["incidentId"] for line in path.read_text().splitlines()]


def _assign(tasks: Tasks, emulator: EmulatorProcess, tenant: str, incident: int, to: str) -> None:
    """Update an incident in the tenant, which moves its last update to now."""
    emulator.control("PUT", f"tenants/{tenant}/grants", {"roles": ["Incident.Read.All", "Incident.ReadWrite.All"]})
    token = tasks.token(tenant_id=tenant, expose_token=True, required_roles=["Incident.ReadWrite.All"])["access_token"]
    reply = requests.patch(
        f"{emulator.url}/api/incidents/{incident}",
        json={"assignedTo": to},
        headers={"Authorization": f"Bearer {token}"},
        verify=emulator.ca_path,
        timeout=30,
    )
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("api", ["xdr", "graph"])
def test_second_read_has_nothing_left(
    tasks: Tasks, emulator: EmulatorProcess, contoso: str, tmp_path: Path, api: str
) -> None:
    if api == "graph":
        emulator.control("PUT", f"tenants/{contoso}/grants", {"roles": ["SecurityIncident.Read.All"]})
    options: dict[str, Any] = {"tenant_id": contoso, "api": api, "checkpoint": tmp_path / "mark"}
    first = tasks.incidents(**options)
    assert first["count"] == len(first["incidents"]) == tasks.incidents(tenant_id=contoso, api=api)["count"] > 0
    second = tasks.incidents(**options)
    assert (second["count"], second["incidents"]) == (0, [])


def test_an_updated_incident_comes_again(tasks: Tasks, emulator: EmulatorProcess, contoso: str, tmp_path: Path) -> None:
    dest, mark = tmp_path / "contoso.jsonl", tmp_path / "mark"
    everything = tasks.incidents(tenant_id=contoso, checkpoint=mark, dest=dest)["count"]
    updated = _ids(dest)[3]
    _assign(tasks, emulator, contoso, updated, "analyst@contoso.example")
    result = tasks.incidents(tenant_id=contoso, checkpoint=mark, dest=dest)
    assert (result["count"], result["changed"]) == (1, True)
    assert len(_ids(dest)) == everything + 1
    assert _ids(dest)[-1] == updated


def test_a_failed_read_moves_nothing_and_the_next_one_has_it_all(
    tasks: Tasks, emulator: EmulatorProcess, contoso: str, tmp_path: Path
) -> None:
    emulator.control("PATCH", f"tenants/{contoso}", {"incident_count": 250})
    dest, mark = tmp_path / "contoso.jsonl", tmp_path / "mark"
    emulator.control("POST", "faults", {"kind": "throttle", "path": "/api/incidents", "retry_after": 600})
    failed = tasks.incidents(tenant_id=contoso, checkpoint=mark, dest=dest, max_wait=1)
    assert failed["failed"]
    assert list(tmp_path.iterdir()) == []
    emulator.control("DELETE", "faults")
    assert tasks.incidents(tenant_id=contoso, checkpoint=mark, dest=dest)["count"] == 250
    assert len(set(_ids(dest))) == 250


def test_check_mode_moves_nothing(tasks: Tasks, contoso: str, tmp_path: Path) -> None:
    dest, mark = tmp_path / "contoso.jsonl", tmp_path / "mark"
    assert tasks.incidents(tenant_id=contoso, checkpoint=mark, dest=dest, check_mode=True)["changed"] is True
    assert list(tmp_path.iterdir()) == []


def test_a_fleet_keeps_one_checkpoint_for_each_tenant(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], tmp_path: Path
) -> None:
    consent("contoso")
    fleet = [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in ("contoso", "fabrikam")]
    options: dict[str, Any] = {"tenants": fleet, "checkpoint": tmp_path}
    assert [outcome["state"] for outcome in tasks.incidents(**options)["tenants"]] == ["granted", "not_consented"]
    assert [path.name for path in tmp_path.iterdir()] == ["contoso.checkpoint"]
    consent("fabrikam")
    counts = {outcome["name"]: outcome["count"] for outcome in tasks.incidents(**options)["tenants"]}
    assert counts["contoso"] == 0
    assert counts["fabrikam"] > 0
