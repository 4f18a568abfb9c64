# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from unit.operation_host import OperationHost
from unit.scripted_entra import CLIENT, OTHER_TENANT, TENANT, ScriptedEntra, token_path
from unit.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations import incidents

XDR = "/api/incidents"
GRAPH = "/v1.0/security/incidents"
RECORDS = [{"incidentId": number, "severity": "High", "incidentName": "Grüße 😀"} for number in (1, 2)]


class Task:
    """Runs the operation against the scripted services."""

    def __init__(self, entra: ScriptedEntra) -> None:
        self.server: ScriptedServer = entra.server
        self.server.script(token_path(), entra.granting(entra.token()))
        self.server.script(token_path(OTHER_TENANT), entra.granting(entra.token(tid=OTHER_TENANT)))
        self.server.script(XDR, Answer({"value": RECORDS}))

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {
            "client_id": CLIENT,
            "client_secret": "canary-secret",
            "authority_url": self.server.url,
            "xdr_url": self.server.url,
            "graph_url": self.server.url,
            "ca_path": self.server.ca_path,
            "retries": 0,
            **({} if "tenants" in options else {"tenant_id": TENANT}),
            **options,
        }
        return incidents.run(OperationHost(incidents, check_mode, **given))


@pytest.fixture
def task(entra: ScriptedEntra) -> Task:
    return Task(entra)


def test_incidents_are_returned_as_they_were_sent(task: Task) -> None:
    result = task()
    assert (result["state"], result["changed"], result["failed"]) == ("granted", False, False)
    assert (result["incidents"], result["count"], result["truncated"]) == (RECORDS, 2, False)
    assert (result["filtered_locally"], result["warnings"]) == ([], [])
    assert "Bearer" not in str(result)


def at(*times: str | None) -> list[dict[str, Any]]:
    return [{"incidentId": number, "lastUpdateTime": time} for number, time in enumerate(times)]


def test_the_newest_are_returned_and_all_are_counted(task: Task) -> None:
    """Times are compared as moments: as texts, the second without a fraction would come after the one with it."""
    records = at("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", None, "2026-03-01T00:00:00Z")
    first = {"value": records[:2], "@odata.nextLink": f"{task.server.url}{XDR}?$skip=2"}
    task.server.script(XDR, Answer(first), Answer({"value": records[2:]}))
    result = task(newest=3)
    assert [record["incidentId"] for record in result["incidents"]] == [3, 1, 0]
    assert (result["count"], result["truncated"]) == (4, False)


def test_none_but_the_count_can_be_returned(task: Task) -> None:
    result = task(newest=0)
    assert (result["incidents"], result["count"]) == ([], 2)


def test_filters_reach_the_service_and_the_rest_is_told(task: Task) -> None:
    result = task(
        status=["Active"],
        severity=["High"],
        assigned_to="o'neil@contoso.com",
        created_after="2026-11-20T08:00:00+01:00",
        filter="classification eq 'Unknown'",
    )
    assert result["filtered_locally"] == ["severity"]
    (request,) = task.server.requests_to(XDR)
    assert request.query["$filter"] == (
        "status eq 'Active' and assignedTo eq 'o''neil@contoso.com' and createdTime ge 2026-11-20T07:00:00.0000000Z "
        "and (classification eq 'Unknown')"
    )


def test_graph_is_read_from_graph(task: Task, entra: ScriptedEntra) -> None:
    graph_token = entra.token(aud="https://graph.microsoft.com", roles=["SecurityIncident.Read.All"])
    task.server.script(token_path(), entra.granting(graph_token))
    task.server.script(GRAPH, Answer({"value": [{"id": "29"}]}))
    assert task(api="graph")["incidents"] == [{"id": "29"}]
    assert task.server.requests_to(token_path())[0].form["scope"] == "https://graph.microsoft.com/.default"


def test_dest_holds_a_line_for_each_incident(task: Task, tmp_path: Path) -> None:
    dest = tmp_path / "contoso.jsonl"
    result = task(dest=str(dest))
    assert (result["changed"], result["count"], "incidents" in result) == (True, 2, False)
    assert [json.loads(line) for line in dest.read_text().splitlines()] == RECORDS
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    assert task(dest=str(dest))["changed"] is False


def test_a_title_cut_within_a_character_is_written_all_the_same(task: Task, tmp_path: Path) -> None:
    task.server.script(XDR, Answer('{"value": [{"incidentId": 1, "incidentName": "cut \\ud83d"}]}'))
    dest = tmp_path / "contoso.jsonl"
    assert task(dest=str(dest))["state"] == "granted"
    assert json.loads(dest.read_text())["incidentName"] == "cut \ud83d"


def test_no_incidents_make_an_empty_file(task: Task, tmp_path: Path) -> None:
    task.server.script(XDR, Answer({"value": []}))
    assert task(dest=str(tmp_path / "out"))["changed"] is True
    assert (tmp_path / "out").read_text() == ""


def test_check_mode_reads_and_writes_nothing(task: Task, tmp_path: Path) -> None:
    result = task(check_mode=True, dest=str(tmp_path / "out"))
    assert (result["changed"], result["count"]) == (True, 2)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_on_the_way_leaves_the_old_file_and_no_other(task: Task, tmp_path: Path) -> None:
    dest = tmp_path / "out"
    dest.write_text("old")
    full_page = {"value": [{"incidentId": number} for number in range(100)]}
    task.server.script(XDR, Answer(full_page), Answer(status=500))
    assert task(dest=str(dest))["state"] == "unreachable"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert dest.read_text() == "old"


def test_a_throttled_tenant_goes_on_after_its_wait(task: Task, tmp_path: Path) -> None:
    first = {"value": [{"incidentId": number} for number in range(100)]}
    throttled = Answer("", status=429, headers={"Retry-After": "1"})
    task.server.script(XDR, Answer(first), throttled, Answer({"value": [{"incidentId": 100}]}))
    result = task(dest=str(tmp_path / "out"))
    assert (result["state"], result["count"]) == ("granted", 101)
    assert len((tmp_path / "out").read_text().splitlines()) == 101


def test_a_fleet_writes_a_file_for_each_tenant(task: Task, tmp_path: Path) -> None:
    tenants = [{"name": "contoso", "tenant_id": TENANT}, {"name": "fabrikam", "tenant_id": OTHER_TENANT}]
    result = task(tenants=tenants, dest=str(tmp_path))
    assert result["summary"] == {"granted": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contoso.jsonl", "fabrikam.jsonl"]


def test_one_tenants_unusable_file_costs_no_other_its_incidents(task: Task, tmp_path: Path) -> None:
    (tmp_path / "contoso.jsonl").mkdir()
    tenants = [{"name": "contoso", "tenant_id": TENANT}, {"name": "fabrikam", "tenant_id": OTHER_TENANT}]
    result = task(tenants=tenants, dest=str(tmp_path))
    assert [tenant["state"] for tenant in result["tenants"]] == ["error", "granted"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contoso.jsonl", "fabrikam.jsonl"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"limit": 0}, "limit is 0: it must be at least 1; leave it out for all incidents"),
        ({"newest": -1}, "newest is -1: it must be at least 0, which leaves the count alone"),
        ({"created_after": "last week"}, "created_after 'last week' is no time: "),
        ({"updated_after": "7w"}, "updated_after '7w' is no time: "),
        ({"dest": "/nowhere/out"}, "dest: the folder /nowhere does not exist: create it first"),
        ({"cloud": "china"}, "cloud 'china' has no Microsoft Threat Protection API: "),
        ({"tenants": [{"name": "a/b", "tenant_id": TENANT}], "dest": "/tmp"}, "tenants: the name 'a/b' cannot name"),
    ],
)
def test_bad_input_is_refused_before_any_request(task: Task, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        task(**options)
    assert str(refused.value).startswith(sentence)
    assert task.server.requests == []
