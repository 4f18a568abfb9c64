# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support.scripted_entra import OTHER_TENANT, RESOURCE, TENANT, ScriptedEntra, token_path
from support.scripted_server import Answer
from support.scripted_tasks import FLEET, ReadingTask

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import incidents

XDR = "/api/incidents"
GRAPH = "/v1.0/security/incidents"
RECORDS = [{"incidentId": number, "severity": "High", "incidentName": "Grüße 😀"} for number in (1, 2)]


@pytest.fixture
def task(entra: ScriptedEntra) -> ReadingTask:
    entra.server.script(XDR, Answer({"value": RECORDS}))
    return ReadingTask(incidents.OPERATION, entra, RESOURCE)


@pytest.fixture
def graph_task(entra: ScriptedEntra) -> ReadingTask:
    return ReadingTask(incidents.OPERATION, entra, "https://graph.microsoft.com")


def page(ids: Iterable[int], **fields: Any) -> Answer:
    return Answer({"value": [{"incidentId": number, **fields} for number in ids]})


def ids_of(result: dict[str, Any]) -> list[int]:
    return [record["incidentId"] for record in result["incidents"]]


def test_incidents_are_returned_as_they_were_sent(task: ReadingTask) -> None:
    result = task()
    assert (result["state"], result["changed"], result["failed"]) == ("granted", False, False)
    assert (result["incidents"], result["count"], result["truncated"]) == (RECORDS, 2, False)
    assert (result["filtered_locally"], result["warnings"]) == ([], [])
    assert (result["redirects"], result["quarantined"]) == ([], [])
    assert "Bearer" not in str(result)


def at(*times: str | None) -> list[dict[str, Any]]:
    return [{"incidentId": number, "lastUpdateTime": time} for number, time in enumerate(times)]


def test_the_newest_are_returned_and_all_are_counted(task: ReadingTask) -> None:
    """Times are compared as moments: as texts, the second without a fraction would come after the one with it."""
    records = at("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", None, "2026-03-01T00:00:00Z")
    task.server.script(XDR, Answer({"value": records}))
    result = task(newest=3)
    assert ids_of(result) == [3, 1, 0]
    assert (result["count"], result["truncated"]) == (4, False)


def test_none_but_the_count_can_be_returned(task: ReadingTask) -> None:
    result = task(newest=0)
    assert (result["incidents"], result["count"]) == ([], 2)


def test_filters_reach_the_service_and_the_rest_is_told(task: ReadingTask) -> None:
    result = task(
        status=["Active"],
        severity=["High"],
        assigned_to="o'neil@contoso.com",
        created_after="2026-11-20T08:00:00+01:00",
        filter="classification eq 'Unknown'",
    )
    assert result["filtered_locally"] == ["severity"]
    (query,) = task.asked(XDR)
    assert query["$filter"] == (
        "status eq 'Active' and assignedTo eq 'o''neil@contoso.com' and createdTime ge 2026-11-20T07:00:00.0000000Z "
        "and (classification eq 'Unknown')"
    )


def test_what_the_service_did_not_filter_is_filtered_here(task: ReadingTask) -> None:
    records = [{"incidentId": number, "severity": severity} for number, severity in enumerate(["High", "Low", "high"])]
    task.server.script(XDR, Answer({"value": records}))
    assert ids_of(task(severity=["High"], limit=5)) == [0, 2]
    assert "$filter" not in task.asked(XDR)[0]


@pytest.mark.parametrize(
    ("limit", "available", "given", "truncated"), [(5, 3, 3, False), (3, 3, 3, False), (2, 3, 2, True)]
)
def test_a_limit_cuts_off_and_says_so(
    task: ReadingTask, limit: int, available: int, given: int, truncated: bool
) -> None:
    task.server.script(XDR, page(range(available)), page([]))
    result = task(limit=limit)
    assert (ids_of(result), result["count"], result["truncated"]) == (list(range(given)), given, truncated)


def test_graph_is_read_from_graph(graph_task: ReadingTask) -> None:
    graph_task.server.script(GRAPH, Answer({"value": [{"id": "29"}]}))
    assert graph_task(api="graph")["incidents"] == [{"id": "29"}]
    assert graph_task.server.requests_to(token_path())[0].form["scope"] == "https://graph.microsoft.com/.default"
    assert graph_task.asked(GRAPH) == [{"$top": "50"}]


def test_graph_sends_alerts_where_they_are_asked_for(graph_task: ReadingTask) -> None:
    graph_task.server.script(GRAPH, Answer({"value": [{"id": "29", "alerts": []}]}))
    graph_task(api="graph", alerts=True)
    assert graph_task.asked(GRAPH) == [{"$top": "50", "$expand": "alerts"}]


def test_the_common_shape_is_added_and_all_else_left_as_it_was(task: ReadingTask, tmp_path: Path) -> None:
    records = task(normalize=True)["incidents"]
    assert [{name: value for name, value in one.items() if name != "normalized"} for one in records] == RECORDS
    assert [one["normalized"]["title"] for one in records] == ["Grüße 😀"] * 2
    task(normalize=True, dest=str(tmp_path / "out"))
    assert [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()] == records


def test_redirected_incidents_are_followed_and_reported(task: ReadingTask) -> None:
    task.server.script(XDR, Answer({"value": [{"incidentId": 1, "redirectIncidentId": 7}, {"incidentId": 2}]}))
    task.server.script(f"{XDR}/7", Answer({"@odata.context": "c", "incidentId": 7, "redirectIncidentId": 8}))
    result = task()
    assert ids_of(result) == [1, 2, 7]
    assert result["redirects"] == [
        {"id": "1", "target": "8", "found": False},
        {"id": "7", "target": "8", "found": False},
    ]
    assert result["count"] == 3


def test_only_what_is_handed_out_is_followed(task: ReadingTask) -> None:
    task.server.script(XDR, page([1], severity="Low", redirectIncidentId=7))
    result = task(severity=["High"])
    assert (result["count"], result["redirects"]) == (0, [])
    assert task.server.requests_to(f"{XDR}/7") == []


def test_with_a_limit_redirections_are_left_alone(task: ReadingTask) -> None:
    task.server.script(XDR, page([1], redirectIncidentId=7))
    assert task(limit=5)["redirects"] == []
    assert task.server.requests_to(f"{XDR}/7") == []


def test_dest_holds_a_line_for_each_incident(task: ReadingTask, tmp_path: Path) -> None:
    dest = tmp_path / "contoso.jsonl"
    result = task(dest=str(dest))
    assert (result["changed"], result["count"], "incidents" in result) == (True, 2, False)
    assert [json.loads(line) for line in dest.read_text().splitlines()] == RECORDS
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    assert task(dest=str(dest))["changed"] is False


def test_a_title_cut_within_a_character_is_written_all_the_same(task: ReadingTask, tmp_path: Path) -> None:
    task.server.script(XDR, Answer('{"value": [{"incidentId": 1, "incidentName": "cut \\ud83d"}]}'))
    dest = tmp_path / "contoso.jsonl"
    assert task(dest=str(dest))["state"] == "granted"
    assert json.loads(dest.read_text())["incidentName"] == "cut \ud83d"


def test_no_incidents_make_an_empty_file(task: ReadingTask, tmp_path: Path) -> None:
    task.server.script(XDR, page([]))
    assert task(dest=str(tmp_path / "out"))["changed"] is True
    assert (tmp_path / "out").read_text() == ""


def test_check_mode_reads_and_writes_nothing(task: ReadingTask, tmp_path: Path) -> None:
    result = task(check_mode=True, dest=str(tmp_path / "out"), checkpoint=str(tmp_path / "mark"))
    assert (result["changed"], result["count"]) == (True, 2)
    assert list(tmp_path.iterdir()) == []


def test_in_check_mode_the_folders_may_still_be_missing(task: ReadingTask, tmp_path: Path) -> None:
    """The task before this one would have made them."""
    folder = tmp_path / "folder"
    result = task(check_mode=True, tenants=FLEET, dest=str(folder), checkpoint=str(folder))
    assert result["summary"] == {"granted": 2}
    assert not folder.exists()


def test_a_failure_on_the_way_leaves_the_old_file_and_no_other(task: ReadingTask, tmp_path: Path) -> None:
    dest = tmp_path / "out"
    dest.write_text("old")
    task.server.script(XDR, page(range(100)), Answer(status=500))
    assert task(dest=str(dest))["state"] == "unreachable"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert dest.read_text() == "old"


def test_a_fleet_writes_a_file_for_each_tenant(task: ReadingTask, tmp_path: Path) -> None:
    result = task(tenants=FLEET, dest=str(tmp_path))
    assert result["summary"] == {"granted": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contoso.jsonl", "fabrikam.jsonl"]


def test_one_tenants_unusable_file_costs_no_other_its_incidents(task: ReadingTask, tmp_path: Path) -> None:
    (tmp_path / "contoso.jsonl").mkdir()
    result = task(tenants=FLEET, dest=str(tmp_path))
    assert [tenant["state"] for tenant in result["tenants"]] == ["error", "granted"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contoso.jsonl", "fabrikam.jsonl"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"limit": 0}, "limit is 0: it must be at least 1; leave it out for all"),
        ({"newest": -1}, "newest is -1: it must be at least 0, which leaves the count alone"),
        ({"created_after": "last week"}, "created_after 'last week' is not a time: "),
        ({"updated_after": "7w"}, "updated_after '7w' is not a time: "),
        ({"backfill": "ever"}, "backfill 'ever' is not a time: "),
        ({"dest": "/nowhere/out"}, "dest: the folder /nowhere does not exist: create it first"),
        ({"checkpoint": "/nowhere/mark"}, "checkpoint: the folder /nowhere does not exist: create it first"),
        ({"cloud": "china"}, "cloud 'china' has no Microsoft Threat Protection API: "),
    ],
)
def test_bad_input_is_refused_before_any_request(task: ReadingTask, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        task(**options)
    assert str(refused.value).startswith(sentence)
    assert task.server.requests == []


BAD_NAMES = ["a/b", "..", ".hidden", "a\0b", "a\nb", "x" * 300, "FABRIKAM"]


@pytest.mark.parametrize("option", ["dest", "checkpoint"])
def test_a_name_that_can_be_no_files_is_that_tenants_trouble_alone(
    task: ReadingTask, tmp_path: Path, option: str
) -> None:
    bad = [{"name": name, "tenant_id": OTHER_TENANT} for name in [*BAD_NAMES, "Fabrikam"]]
    result = task(tenants=[*FLEET[:1], *bad], **{option: str(tmp_path)})
    contoso, *others = result["tenants"]
    assert contoso["state"] == "granted"
    assert {other["state"] for other in others} == {"error"}
    assert "some disks take the files of 'FABRIKAM' and 'Fabrikam' for one; provider: rename" in others[-2]["msg"]
    assert "no file can have the name 'a/b', because it has U+002F SOLIDUS; provider: rename" in others[0]["msg"]
    assert [path.stem for path in tmp_path.iterdir()] == ["contoso"]
    assert task.server.requests_to(token_path(OTHER_TENANT)) == []


def test_a_name_that_can_be_no_files_is_none_where_there_are_no_files(task: ReadingTask) -> None:
    result = task(tenants=[{"name": name, "tenant_id": TENANT} for name in ("a/b", "contoso", "Contoso")])
    assert result["summary"] == {"granted": 3}
