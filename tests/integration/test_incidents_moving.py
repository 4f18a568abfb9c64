# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of incidents that move while they are read, in any order and on pages of any size: none is missed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import IncidentDesk
from support.emulator import EmulatorProcess
from support.operations import Tasks

PATHS = {"xdr": "/api/incidents", "graph": "/v1.0/security/incidents"}
APIS = pytest.mark.parametrize("api", PATHS)
TIE = "2026-11-20T08:00:00.1234567Z"


Read = Callable[..., dict[str, Any]]


@pytest.fixture
def desk(emulator: EmulatorProcess) -> IncidentDesk:
    """Without quotas: pages of a few incidents take many calls."""
    emulator.control("PATCH", "application", {"quota_per_minute": None, "quota_per_hour": None})
    return IncidentDesk(emulator)


@pytest.fixture
def read(tasks: Tasks) -> Read:
    """Reads incidents at the pace of the service."""
    return functools.partial(tasks.incidents, paced=False)


def _ids(result: dict[str, Any]) -> list[str]:
    assert result["state"] == "granted", result["msg"]
    return [str(incident.get("incidentId") or incident["id"]) for incident in result["incidents"]]


def _spread(count: int) -> list[dict[str, Any]]:
    """Incidents with every number of fractional digits that occurs, some ties among them."""
    digits = ("", ".5", ".50", ".1234567", ".0000001")
    return [
        {"lastUpdateTime": f"2026-11-{1 + number // 3:02}T09:00:00{digits[number % len(digits)]}Z"}
        for number in range(count)
    ]


@APIS
@pytest.mark.parametrize("order", ["generated", "newest_first", "oldest_first", "shuffled"])
@pytest.mark.parametrize("max_page", [None, 3])
def test_any_order_and_any_page(
    read: Read, emulator: EmulatorProcess, desk: IncidentDesk, api: str, order: str, max_page: int | None
) -> None:
    tenant_id = desk.open("contoso")
    put = desk.put("contoso", *_spread(60))
    emulator.control("PATCH", "application", {"incident_order": order, "max_page": max_page, "next_link": True})
    assert sorted(_ids(read(tenant_id=tenant_id, api=api))) == sorted(put)


@APIS
def test_more_of_one_moment_than_a_page_holds(read: Read, desk: IncidentDesk, api: str) -> None:
    tenant_id = desk.open("contoso")
    put = desk.put("contoso", *[{"lastUpdateTime": TIE}] * 130, *_spread(20))
    assert sorted(_ids(read(tenant_id=tenant_id, api=api))) == sorted(put)


@APIS
@pytest.mark.parametrize("order", ["newest_first", "oldest_first"])
def test_what_is_changed_between_two_pages_is_not_missed(
    read: Read,
    emulator: EmulatorProcess,
    desk: IncidentDesk,
    fault: Callable[..., None],
    api: str,
    order: str,
    tmp_path: Path,
) -> None:
    """Paging by `$skip` or by links misses some here: whatever is changed moves all others by one place."""
    tenant_id = desk.open("contoso")
    put = desk.put("contoso", *_spread(60))
    emulator.control("PATCH", "application", {"incident_order": order})
    fault("churn", tenant="contoso", path=PATHS[api], times=6, count=5)
    options = {"tenant_id": tenant_id, "api": api, "checkpoint": tmp_path / "mark", "backfill": ""}
    first = _ids(read(**options))
    assert set(first) == set(put)
    # the last state of each, whenever it came
    emulator.control("DELETE", "faults")
    final = {str(one["incidentId"]): one["lastUpdateTime"] for one in _documents(emulator, tenant_id)}
    again = read(**options)["incidents"]
    seen = {str(one.get("incidentId") or one["id"]) for one in again}
    changed = {identity for identity, updated in final.items() if updated > "2026-11-22T"}
    assert changed
    assert changed - seen - set(first) == set()


def _documents(emulator: EmulatorProcess, tenant_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = emulator.control("GET", f"tenants/{tenant_id}/incidents")["incidents"]
    return found


def test_a_service_that_knows_only_ge_is_read_all_the_same(
    read: Read, emulator: EmulatorProcess, desk: IncidentDesk
) -> None:
    """Whether the Defender XDR API knows `lt` is not documented."""
    tenant_id = desk.open("contoso")
    put = desk.put("contoso", *_spread(60), *[{"lastUpdateTime": TIE}] * 130)
    emulator.control("PATCH", "application", {"filter_operators": ["eq", "ge"]})
    assert sorted(_ids(read(tenant_id=tenant_id))) == sorted(put)


@APIS
def test_ties_updates_and_new_ones_come_once_each(read: Read, desk: IncidentDesk, api: str, tmp_path: Path) -> None:
    """Forty of one moment, and then changes: a poller that asks for what is newer than the last one misses most."""
    tenant_id = desk.open("contoso")
    options = {"tenant_id": tenant_id, "api": api, "checkpoint": tmp_path / "mark", "backfill": ""}
    put = desk.put("contoso", *[{"lastUpdateTime": TIE}] * 40)
    assert sorted(_ids(read(**options))) == sorted(put)
    late = desk.put("contoso", *[{"lastUpdateTime": TIE}] * 5)
    desk.change("contoso", put[3], status="Resolved", lastUpdateTime="2026-11-20T08:00:00.1234568Z")
    desk.change("contoso", put[4], status="Resolved")
    assert sorted(_ids(read(**options))) == sorted([*late, put[3], put[4]])
    assert _ids(read(**options)) == []


@APIS
def test_redirected_incidents_are_followed_and_reported(
    read: Read, desk: IncidentDesk, api: str, tmp_path: Path
) -> None:
    tenant_id = desk.open("contoso")
    (target,) = desk.put("contoso", {"lastUpdateTime": "2020-01-01T00:00:00Z"})
    (middle,) = desk.put("contoso", {"redirectIncidentId": int(target)})
    sources = desk.put("contoso", {"redirectIncidentId": int(middle)}, {"redirectIncidentId": 999_999})
    options = {"tenant_id": tenant_id, "api": api, "checkpoint": tmp_path / "mark"}
    result = read(**options)
    assert sorted(_ids(result)) == sorted([target, middle, *sources])
    assert {redirect["id"]: (redirect["target"], redirect["found"]) for redirect in result["redirects"]} == {
        middle: (target, True),
        sources[0]: (target, True),
        sources[1]: ("999999", False),
    }
    assert read(**options)["count"] == 0


@APIS
def test_the_common_shape(read: Read, desk: IncidentDesk, api: str) -> None:
    tenant_id = desk.open("contoso")
    fields = {
        "incidentName": "Grüße {{ 1 + 1 }}",
        "status": "AwaitingAction",
        "severity": "High",
        "classification": "TruePositive",
        "determination": "CompromisedAccount",
        "assignedTo": "soc@contoso.example",
        "tags": ["Demo"],
        "lastUpdateTime": TIE,
    }
    (identity,) = desk.put("contoso", {**fields, "alert_count": 3})
    result = read(tenant_id=tenant_id, api=api, normalize=True, alerts=True)
    ((incident),) = result["incidents"]
    common = incident["normalized"]
    assert {name: common[name] for name in ("id", "title", "status", "severity", "alerts", "updated")} == {
        "id": identity,
        "title": fields["incidentName"],
        "status": "AwaitingAction",
        "severity": "High",
        "alerts": 3,
        "updated": TIE,
    }
    assert (common["classification"], common["determination"]) == ("TruePositive", "CompromisedAccount")
    assert (common["assigned_to"], common["tags"]) == ("soc@contoso.example", ["Demo"])


def test_both_apis_come_to_the_same_shape(read: Read, emulator: EmulatorProcess, desk: IncidentDesk) -> None:
    tenant_id = desk.open("contoso")
    emulator.control("PATCH", f"tenants/{tenant_id}", {"incident_count": 80})
    options = {"tenant_id": tenant_id, "normalize": True, "alerts": True}
    xdr, graph = (
        {one["normalized"]["id"]: one["normalized"] for one in read(**options, api=api)["incidents"]} for api in PATHS
    )
    assert len(xdr) == 80
    assert xdr == graph
