# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incidents page by page, filtered and limited, from both APIs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from support.emulator import EmulatorProcess
from support.operations import Tasks
from support.scripted_server import Answer, Request, ScriptedServer

BOTH_APIS = ["Incident.Read.All", "SecurityIncident.Read.All"]
LIST = {"xdr": "GET /api/incidents", "graph": "GET /v1.0/security/incidents"}


@pytest.fixture
def contoso(emulator: EmulatorProcess, consent: Callable[..., None]) -> Callable[[int], str]:
    """Makes contoso a tenant with so many incidents that granted both APIs, and returns its id."""

    def with_incidents(count: int) -> str:
        consent("contoso", roles=BOTH_APIS)
        emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"incident_count": count})
        return emulator.tenant_id("contoso")

    return with_incidents


@pytest.mark.parametrize(
    ("api", "next_link", "count", "most_requests"),
    [
        ("xdr", False, 0, 1),
        ("xdr", False, 99, 2),
        ("xdr", False, 250, 30),
        ("xdr", False, 200, 30),
        ("xdr", True, 99, 2),
        ("xdr", True, 250, 30),
        ("graph", True, 49, 2),
        ("graph", True, 120, 30),
    ],
)
def test_all_are_read_once(
    tasks: Tasks,
    emulator: EmulatorProcess,
    contoso: Callable[[int], str],
    count_requests: Callable[[str], int],
    api: str,
    next_link: bool,
    count: int,
    most_requests: int,
) -> None:
    """What fits a page takes two requests: the page, and the question what lies behind it."""
    emulator.control("PATCH", "application", {"next_link": next_link})
    result = tasks.incidents(tenant_id=contoso(count), api=api)
    identities = {incident.get("incidentId") or incident["id"] for incident in result["incidents"]}
    assert result["count"] == len(result["incidents"]) == len(identities) == count
    assert result["truncated"] is False
    assert 0 < count_requests(LIST[api]) <= most_requests


@pytest.mark.parametrize("order", ["generated", "newest_first", "oldest_first", "shuffled"])
@pytest.mark.parametrize("api", ["xdr", "graph"])
def test_what_a_smaller_page_left_behind_is_read_and_news_of_it_too(
    tasks: Tasks,
    emulator: EmulatorProcess,
    contoso: Callable[[int], str],
    tmp_path: Path,
    api: str,
    order: str,
) -> None:
    """With a checkpoint and without."""
    emulator.control("PATCH", "application", {"incident_order": order, "max_page": 5, "quota_per_minute": None})
    # where no order is kept, it takes more calls than are made in a minute
    asked = {"tenant_id": contoso(28), "api": api, "paced": False}
    kept = {**asked, "checkpoint": str(tmp_path / "mark"), "backfill": ""}
    result = tasks.incidents(**asked)
    assert (result["count"], result["truncated"]) == (28, False)
    assert tasks.incidents(**kept)["count"] == 28
    emulator.control("POST", f"tenants/{asked['tenant_id']}/incidents", {"incidents": [{}] * 12})
    assert tasks.incidents(**kept)["count"] == 12


@pytest.mark.parametrize("api", ["xdr", "graph"])
def test_a_run_without_news_takes_one_request(
    tasks: Tasks, contoso: Callable[[int], str], count_requests: Callable[[str], int], tmp_path: Path, api: str
) -> None:
    kept = {"tenant_id": contoso(28), "api": api, "checkpoint": str(tmp_path / "mark"), "backfill": ""}
    assert tasks.incidents(**kept)["count"] == 28
    before = count_requests(LIST[api])
    assert tasks.incidents(**kept)["count"] == 0
    assert count_requests(LIST[api]) == before + 1


@pytest.mark.parametrize(
    ("count", "limit", "truncated"),
    [(150, 20, True), (150, 100, True), (150, 149, True), (150, 150, False), (150, 151, False), (100, 100, False)],
)
def test_limit_is_kept_and_told(
    tasks: Tasks, contoso: Callable[[int], str], count: int, limit: int, truncated: bool
) -> None:
    result = tasks.incidents(tenant_id=contoso(count), limit=limit)
    assert result["count"] == len(result["incidents"]) == min(count, limit)
    assert result["truncated"] is truncated


def test_limit_counts_what_passes_a_local_filter(tasks: Tasks, contoso: Callable[[int], str]) -> None:
    tenant_id = contoso(150)
    matches = tasks.incidents(tenant_id=tenant_id, severity=["High"])["count"]
    assert matches > 1
    exact = tasks.incidents(tenant_id=tenant_id, severity=["High"], limit=matches)
    assert (exact["count"], exact["truncated"]) == (matches, False)
    fewer = tasks.incidents(tenant_id=tenant_id, severity=["High"], limit=matches - 1)
    assert (fewer["count"], fewer["truncated"]) == (matches - 1, True)


def _moment(text: str) -> datetime:
    """A time of either API, whose fractions of a second have nought to seven digits."""
    whole, _unused, fraction = text.rstrip("Z").partition(".")
    moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return moment + timedelta(microseconds=int(f"{fraction:0<6}"[:6]))


def _after(field: str, age: timedelta) -> Callable[[dict[str, Any]], bool]:
    return lambda incident: _moment(incident[field]) >= datetime.now(timezone.utc) - age


@pytest.mark.parametrize(
    ("options", "expected", "local"),
    [
        ({"status": ["Active"]}, lambda i: i["status"] == "Active", []),
        ({"status": ["Active", "InProgress"]}, lambda i: i["status"] in ("Active", "InProgress"), ["status"]),
        ({"status": ["Redirected"]}, lambda i: i["status"] == "Redirected", []),
        ({"severity": ["High"]}, lambda i: i["severity"] == "High", ["severity"]),
        (
            {"assigned_to": "soc-tier1@northwind.example"},
            lambda i: i["assignedTo"] == "soc-tier1@northwind.example",
            [],
        ),
        ({"created_after": "10d"}, _after("createdTime", timedelta(days=10)), []),
        ({"updated_after": "120h"}, _after("lastUpdateTime", timedelta(hours=120)), []),
        ({"filter": "status ne 'Resolved'"}, lambda i: i["status"] != "Resolved", []),
        (
            {"filter": "status eq 'Active' or status eq 'Resolved'", "severity": ["Low"], "updated_after": "20d"},
            lambda i: (
                i["status"] in ("Active", "Resolved")
                and i["severity"] == "Low"
                and _after("lastUpdateTime", timedelta(days=20))(i)
            ),
            ["severity"],
        ),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else None,
)
def test_filters_choose_exactly_what_was_asked_for(
    tasks: Tasks,
    emulator: EmulatorProcess,
    contoso: Callable[[int], str],
    options: dict[str, Any],
    expected: Callable[[dict[str, Any]], bool],
    local: list[str],
) -> None:
    """And what those that were asked for are redirected to, wherever that lies."""
    tenant_id = contoso(150)
    emulator.control("PATCH", "application", {"quota_per_minute": None})
    everything = tasks.incidents(tenant_id=tenant_id)["incidents"]
    result = tasks.incidents(tenant_id=tenant_id, **options)
    wanted = {incident["incidentId"]: incident["redirectIncidentId"] for incident in everything if expected(incident)}
    assert 0 < len(wanted) < len(everything), "the filter must tell incidents apart"
    followed = {target for target in wanted.values() if target}
    assert {redirect["id"] for redirect in result["redirects"]} == {str(one) for one in wanted if wanted[one]}
    assert sorted(incident["incidentId"] for incident in result["incidents"]) == sorted({*wanted, *followed})
    assert result["filtered_locally"] == local


def test_a_moment_is_a_moment_to_the_last_digit(tasks: Tasks, contoso: Callable[[int], str]) -> None:
    """Some incidents share a moment; all of them belong to it."""
    tenant_id = contoso(150)
    everything = tasks.incidents(tenant_id=tenant_id)["incidents"]
    moments = [incident["lastUpdateTime"] for incident in everything]
    shared = max(moments, key=moments.count)
    assert moments.count(shared) > 1
    newer = tasks.incidents(tenant_id=tenant_id, updated_after=shared)["incidents"]
    expected = {i["incidentId"] for i in everything if _moment(i["lastUpdateTime"]) >= _moment(shared)}
    assert {incident["incidentId"] for incident in newer} == expected


@pytest.mark.parametrize(
    ("options", "field", "values"),
    [
        ({"severity": ["High"]}, "severity", {"high"}),
        ({"severity": ["High", "Medium"]}, "severity", {"high", "medium"}),
        ({"status": ["InProgress"]}, "status", {"inProgress"}),
    ],
)
def test_graph_writes_its_names_its_own_way(
    tasks: Tasks, contoso: Callable[[int], str], options: dict[str, Any], field: str, values: set[str]
) -> None:
    tenant_id = contoso(120)
    everything = tasks.incidents(tenant_id=tenant_id, api="graph")["incidents"]
    result = tasks.incidents(tenant_id=tenant_id, api="graph", **options)
    assert result["count"] == sum(incident[field] in values for incident in everything) > 0
    assert result["filtered_locally"] == (["severity"] if len(values) > 1 else [])


def test_both_apis_see_the_same_incidents(tasks: Tasks, contoso: Callable[[int], str]) -> None:
    tenant_id = contoso(60)
    xdr = tasks.incidents(tenant_id=tenant_id)["incidents"]
    graph = tasks.incidents(tenant_id=tenant_id, api="graph")["incidents"]
    assert {str(incident["incidentId"]) for incident in xdr} == {incident["id"] for incident in graph}
    assert all(incident["alerts"] for incident in xdr)


def test_filter_the_service_cannot_read_is_explained(tasks: Tasks, contoso: Callable[[int], str]) -> None:
    result = tasks.incidents(tenant_id=contoso(5), filter="colour eq 'red'")
    assert (result["state"], result["code"]) == ("error", "BadRequest")
    assert "colour" in result["meaning"], "the service's own words"
    assert result["remedy"] == "correct what it names"
    assert result["trace_id"]


def test_what_a_service_says_of_a_filter_is_shown_whole(
    tasks: Tasks, contoso: Callable[[int], str], scripted: ScriptedServer
) -> None:
    said = "Invalid filter clause: " + "; ".join(f"there is no property 'colour{number}'" for number in range(100))
    error = {"error": {"code": "BadRequest", "message": said, "target": "1b2c"}}
    scripted.respond = lambda _request: Answer(error, status=400)
    result = tasks.incidents(tenant_id=contoso(5), filter="colour eq 'red'", xdr_url=scripted.url)
    assert said in result["msg"]


def test_fleet_gives_each_tenant_its_incidents(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]
) -> None:
    consent("contoso", "fabrikam")
    tenants = [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in ("contoso", "fabrikam", "wingtip")]
    result = tasks.incidents(tenants=tenants, limit=3)
    contoso, fabrikam, wingtip = result["tenants"]
    assert contoso["count"] == fabrikam["count"] == 3
    assert contoso["incidents"] != fabrikam["incidents"]
    assert (wingtip["state"], "incidents" in wingtip) == ("not_consented", False)
    assert result["summary"] == {"granted": 2, "not_consented": 1}


def _skip_of(request: Request) -> int:
    return int(request.query.get("$skip", 0))


def test_an_incident_met_twice_is_returned_once(
    tasks: Tasks, contoso: Callable[[int], str], scripted: ScriptedServer
) -> None:
    """A service without times has only pages: a new incident pushes the last of a page onto the next."""

    def respond(request: Request) -> Answer:
        skip = _skip_of(request)
        first = skip - 1 if skip else 0
        return Answer({"value": [{"incidentId": number} for number in range(first, min(first + 100, 150))]})

    scripted.respond = respond
    result = tasks.incidents(tenant_id=contoso(1), xdr_url=scripted.url)
    assert sorted(incident["incidentId"] for incident in result["incidents"]) == list(range(150))


def test_a_link_to_another_host_gets_no_token(
    tasks: Tasks,
    emulator: EmulatorProcess,
    contoso: Callable[[int], str],
    scripted: ScriptedServer,
    count_requests: Callable[[str], int],
) -> None:
    elsewhere = f"{emulator.url}/api/incidents?$skip=1"
    scripted.respond = lambda _request: Answer({"value": [{"incidentId": 1}], "@odata.nextLink": elsewhere})
    result = tasks.incidents(tenant_id=contoso(5), xdr_url=scripted.url)
    assert result["state"] == "error"
    assert "another host" in result["msg"]
    assert count_requests(LIST["xdr"]) == 0


def test_a_link_that_leads_in_circles_ends(
    tasks: Tasks, contoso: Callable[[int], str], scripted: ScriptedServer
) -> None:
    scripted.respond = lambda _request: Answer(
        {"value": [{"incidentId": 1}], "@odata.nextLink": f"{scripted.url}/api/incidents?page=2"}
    )
    result = tasks.incidents(tenant_id=contoso(1), xdr_url=scripted.url)
    assert result["state"] == "error"
    assert "twice" in result["msg"]
    # pages by `$skip` lead nowhere here, and the links come after that
    assert len(scripted.requests) <= 8


def test_an_incomplete_answer_is_a_warning(
    tasks: Tasks, contoso: Callable[[int], str], scripted: ScriptedServer
) -> None:
    header = {"Warning": '199 - "Microsoft/Vendor/504/10000"'}
    scripted.respond = lambda _request: Answer({"value": [{"incidentId": 1}]}, status=206, headers=header)
    result = tasks.incidents(tenant_id=contoso(1), xdr_url=scripted.url)
    assert (result["state"], result["count"]) == ("granted", 1)
    assert "504" in result["warnings"][0]
