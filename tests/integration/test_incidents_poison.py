# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incidents over which the service fails: named and left out, while all others arrive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import WRITERS, IncidentDesk
from support.emulator import EmulatorProcess
from support.operations import Tasks

TIE = "2026-11-20T08:00:00.1234567Z"


@pytest.fixture
def contoso(emulator: EmulatorProcess) -> str:
    """A tenant with 150 incidents whose quotas are no concern here."""
    emulator.control("PATCH", "application", {"quota_per_minute": None, "quota_per_hour": None})
    tenant_id = IncidentDesk(emulator).open("contoso")
    emulator.control("PATCH", f"tenants/{tenant_id}", {"incident_count": 150})
    return tenant_id


def _identity(incident: dict[str, Any]) -> str:
    return str(incident.get("incidentId") or incident["id"])


def _documents(emulator: EmulatorProcess, tenant_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = emulator.control("GET", f"tenants/{tenant_id}/incidents")["incidents"]
    return found


@pytest.mark.parametrize("api", ["xdr", "graph"])
def test_one_bad_incident_costs_no_other(
    tasks: Tasks,
    emulator: EmulatorProcess,
    contoso: str,
    fault: Callable[..., None],
    count_requests: Callable[[str], int],
    api: str,
    tmp_path: Path,
) -> None:
    everything = _documents(emulator, contoso)
    bad = next(one for one in everything if one["redirectIncidentId"] is None)
    fault("poison", tenant="contoso", incident_id=bad["incidentId"])
    options = {"tenant_id": contoso, "api": api, "checkpoint": tmp_path / "mark", "backfill": "", "paced": False}
    result = tasks.incidents(**options, retries=1)
    assert result["state"] == "granted", result["msg"]
    assert {_identity(one) for one in result["incidents"]} == {_identity(one) for one in everything} - {_identity(bad)}
    ((quarantined),) = result["quarantined"]
    assert quarantined["code"] == "500"
    assert quarantined["updated"].rstrip("0Z") == bad["lastUpdateTime"].rstrip("0Z").rstrip(".")
    assert count_requests("GET /") < 400

    assert tasks.incidents(**options, retries=1)["quarantined"][0]["updated"] == quarantined["updated"]
    emulator.control("DELETE", "faults")
    healed = tasks.incidents(**options)
    assert ([_identity(one) for one in healed["incidents"]], healed["quarantined"]) == ([_identity(bad)], [])
    assert tasks.incidents(**options)["count"] == 0


def test_with_graph_only_the_alerts_of_the_bad_one_are_missing(
    tasks: Tasks, emulator: EmulatorProcess, contoso: str, fault: Callable[..., None]
) -> None:
    everything = _documents(emulator, contoso)
    bad = _identity(everything[40])
    fault("poison", tenant="contoso", incident_id=int(bad), expand_only=True)
    result = tasks.incidents(tenant_id=contoso, api="graph", alerts=True, retries=1, paced=False)
    assert result["count"] == len(everything)
    assert [one["id"] for one in result["quarantined"]] == [bad]
    assert [_identity(one) for one in result["incidents"] if "alerts" not in one] == [bad]


def test_one_bad_among_forty_of_the_same_moment(
    tasks: Tasks, emulator: EmulatorProcess, fault: Callable[..., None]
) -> None:
    desk = IncidentDesk(emulator)
    tenant_id = desk.open("contoso")
    put = desk.put("contoso", *[{"lastUpdateTime": TIE}] * 40)
    fault("poison", tenant="contoso", incident_id=int(put[17]))
    emulator.control("PATCH", "application", {"quota_per_minute": None})
    result = tasks.incidents(tenant_id=tenant_id, retries=0, paced=False)
    assert sorted(_identity(one) for one in result["incidents"]) == sorted({*put} - {put[17]})
    assert [one["updated"] for one in result["quarantined"]] == [TIE]


def test_a_service_that_is_down_is_unreachable_and_blames_no_incident(
    tasks: Tasks, contoso: str, fault: Callable[..., None], count_requests: Callable[[str], int]
) -> None:
    fault("server_error", path="/api/incidents", status=500)
    result = tasks.incidents(tenant_id=contoso, retries=1)
    assert (result["state"], "quarantined" in result) == ("unreachable", False)
    assert count_requests("/api/incidents") <= 4


@pytest.mark.parametrize("status", [404, 410])
def test_a_retired_endpoint_is_explained_with_the_switch(
    tasks: Tasks, emulator: EmulatorProcess, fault: Callable[..., None], status: int
) -> None:
    emulator.control("POST", f"tenants/{emulator.tenant_id('contoso')}/consent", {"roles": WRITERS})
    fault("retired", path="/api/incidents", status=status)
    tenant_id = emulator.tenant_id("contoso")
    result = tasks.incidents(tenant_id=tenant_id)
    assert result["state"] == "error"
    assert f"no longer serves this endpoint (HTTP {status}); Microsoft retires it by 2027-02-01" in result["msg"]
    assert "set api: graph" in result["remedy"]
    assert tasks.incidents(tenant_id=tenant_id, api="graph")["state"] == "granted"
