# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.scripted_entra import ScriptedEntra, token_path
from support.scripted_server import Answer, refused
from support.scripted_tasks import FLEET, ReadingTask

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import alerts

PATH = "/v1.0/security/alerts_v2"
RECORDS: list[dict[str, Any]] = [
    {"id": f"da{number}_1", "status": "new", "severity": severity, "title": "Grüße 😀"}
    | {"lastUpdateDateTime": f"2026-11-20T12:00:0{number}Z"}
    for number, severity in enumerate(("high", "low", "medium"))
]
GRAPH = "https://graph.microsoft.com"


@pytest.fixture
def task(entra: ScriptedEntra) -> ReadingTask:
    entra.server.script(PATH, Answer({"value": RECORDS}))
    return ReadingTask(alerts.OPERATION, entra, GRAPH)


def test_alerts_are_returned_as_they_were_sent(task: ReadingTask) -> None:
    result = task()
    assert (result["state"], result["alerts"], result["count"]) == ("granted", RECORDS, 3)
    assert "incidents" not in result
    request = task.server.requests_to(PATH)[0]
    assert (request.query, request.headers["Prefer"]) == ({"$top": "200"}, "include-unknown-enum-members")
    assert task.server.requests_to(token_path())[0].form["scope"] == f"{GRAPH}/.default"


def test_alerts_are_redirected_nowhere(task: ReadingTask) -> None:
    task.server.script(PATH, Answer({"value": [{"id": "1", "redirectIncidentId": "7"}]}))
    assert "redirects" not in task()


def test_filters_are_written_as_graph_writes_its_names(task: ReadingTask) -> None:
    task(status=["InProgress"], severity=["High"], updated_after="2026-11-20", assigned_to="o'neil@contoso.com")
    assert task.asked(PATH)[0]["$filter"] == (
        "status eq 'inProgress' and severity eq 'high' and assignedTo eq 'o''neil@contoso.com' "
        "and lastUpdateDateTime ge 2026-11-20T00:00:00.0000000Z"
    )


def test_more_than_one_value_is_filtered_here(task: ReadingTask) -> None:
    result = task(severity=["High", "Medium"])
    assert [alert["severity"] for alert in result["alerts"]] == ["high", "medium"]
    assert result["filtered_locally"] == ["severity"]


def test_the_newest_come_first(task: ReadingTask) -> None:
    assert [alert["id"] for alert in task(newest=2)["alerts"]] == ["da2_1", "da1_1"]


def test_only_news_are_added_to_the_file(task: ReadingTask, tmp_path: Path) -> None:
    kept = {"dest": str(tmp_path), "checkpoint": str(tmp_path), "tenants": FLEET, "normalize": True}
    assert [tenant["count"] for tenant in task(**kept)["tenants"]] == [3, 3]
    changed = {**RECORDS[1], "status": "resolved", "lastUpdateDateTime": "2026-11-20T12:00:01.5Z"}
    task.server.script(PATH, Answer({"value": [RECORDS[0], changed, RECORDS[2]]}))
    assert [tenant["count"] for tenant in task(**kept)["tenants"]] == [1, 1]
    lines = [json.loads(line) for line in (tmp_path / "contoso.jsonl").read_text().splitlines()]
    assert [(line["normalized"]["id"], line["normalized"]["status"]) for line in lines] == [
        ("da0_1", "New"),
        ("da1_1", "New"),
        ("da2_1", "New"),
        ("da1_1", "Resolved"),
    ]


def test_a_token_without_the_role_is_told_which_one(task: ReadingTask, entra: ScriptedEntra) -> None:
    token = entra.token(aud=GRAPH, roles=["SecurityIncident.Read.All"])
    task.server.script(token_path(), entra.granting(token))
    result = task()
    assert (result["state"], task.asked(PATH)) == ("partial", [])
    assert "SecurityAlert.Read.All or SecurityAlert.ReadWrite.All" in result["msg"]


def test_graph_stays_and_nobody_is_warned(task: ReadingTask) -> None:
    task.server.script(PATH, refused(410))
    result = task()
    assert "retire" not in result["msg"]
    assert task.warnings == []


@pytest.mark.parametrize("options", [{"limit": 0}, {"newest": -1}, {"updated_after": "7w"}])
def test_bad_input_is_refused_before_any_request(task: ReadingTask, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        task(**options)
    assert task.server.requests == []
