# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from support.machine import no_file_larger_than
from support.operations import OperationHost
from support.scripted_entra import OTHER_TENANT, TENANT, ScriptedEntra, token_path
from support.scripted_server import Answer, ScriptedServer
from support.scripted_tasks import connection_to

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import hunting

GRAPH = "/v1.0/security/runHuntingQuery"
XDR = "/api/advancedhunting/run"
QUERY = "DeviceInfo | take 2"
ROWS = [{"Device": "srv1", "Size": 1.5}, {"Device": "Grüße 😀", "Size": None}]
SCHEMA = [{"name": "Device", "type": "String"}, {"name": "Size", "type": "Double"}]
FLEET = [{"name": "contoso", "tenant_id": TENANT}, {"name": "fabrikam", "tenant_id": OTHER_TENANT}]
TOO_MANY = {"schema": [], "results": [{}] * 100_000}


class Task:
    """Runs the operation against the scripted services. Both tenants answer alike."""

    def __init__(self, entra: ScriptedEntra) -> None:
        self.server: ScriptedServer = entra.server
        self._entra = entra
        self.admit("https://graph.microsoft.com", "ThreatHunting.Read.All")
        self.server.script(GRAPH, Answer({"schema": SCHEMA, "results": ROWS}))

    def admit(self, audience: str, *roles: str) -> None:
        for tenant in (TENANT, OTHER_TENANT):
            token = self._entra.token(tid=tenant, aud=audience, roles=list(roles))
            self.server.script(token_path(tenant), self._entra.granting(token))

    def asked(self) -> int:
        """How many queries there were since this was last called."""
        count = len(self.server.requests_to(GRAPH))
        self.server.requests.clear()
        return count

    def __call__(self, check_mode: bool = False, run_directory: Path | None = None, **options: Any) -> dict[str, Any]:
        given = {
            **connection_to(self.server),
            **({} if "tenants" in options else {"tenant_id": TENANT}),
            **({} if "query_file" in options else {"query": QUERY}),
            **options,
        }
        return hunting.run(OperationHost(hunting.OPERATION, check_mode, run_directory, **given))


@pytest.fixture
def task(entra: ScriptedEntra) -> Task:
    return Task(entra)


def test_rows_are_returned_as_they_were_sent(task: Task) -> None:
    result = task()
    assert (result["state"], result["changed"], result["failed"]) == ("granted", False, False)
    assert (result["rows"], result["count"], result["schema"]) == (ROWS, 2, SCHEMA)
    assert (result["truncated"], result["warnings"], "stats" in result) == (False, [], False)
    assert "Bearer" not in str(result)


def test_the_other_api_answers_in_the_same_shape(task: Task) -> None:
    task.admit("https://api.security.microsoft.com", "AdvancedHunting.Read.All")
    schema = [{"Name": column["name"], "Type": column["type"]} for column in SCHEMA]
    task.server.script(XDR, Answer({"Stats": {"ExecutionTime": 1}, "Schema": schema, "Results": ROWS}))
    result = task(api="xdr")
    assert (result["rows"], result["schema"], result["stats"]) == (ROWS, SCHEMA, {"ExecutionTime": 1})


@pytest.mark.parametrize("query", ["T | where A == '{{ x }}'\r\n{% raw %}", "\n  T // ü  \n"])
def test_a_query_is_sent_as_it_stands_in_the_task_or_the_file(task: Task, tmp_path: Path, query: str) -> None:
    path = tmp_path / "hunt.kql"
    path.write_bytes(query.encode())
    task(query=query)
    task(query_file=str(path), timespan="P7D")
    bodies = [request.json for request in task.server.requests_to(GRAPH)]
    assert bodies == [{"Query": query}, {"Query": query, "Timespan": "P7D"}]


def test_the_mark_in_front_of_utf_8_is_not_part_of_the_query(task: Task, tmp_path: Path) -> None:
    path = tmp_path / "hunt.kql"
    path.write_bytes(b"\xef\xbb\xbfT")
    task(query_file=str(path))
    assert task.server.requests_to(GRAPH)[0].json == {"Query": "T"}


def test_queries_are_counted_for_the_tasks_that_follow(task: Task, tmp_path: Path) -> None:
    task(run_directory=tmp_path)
    (counted,) = tmp_path.glob("*.calls")
    assert [len(moments) for moments in json.loads(counted.read_text()).values()] == [1]


def test_a_fleet_fills_one_file(task: Task, tmp_path: Path) -> None:
    dest = tmp_path / "hunt.jsonl"
    result = task(tenants=FLEET, dest=str(dest))
    assert (result["changed"], result["dest"], result["summary"]) == (True, str(dest), {"granted": 2})
    assert [(tenant["count"], tenant["from_earlier_run"]) for tenant in result["tenants"]] == [(2, False)] * 2
    assert not any("rows" in tenant for tenant in result["tenants"])
    lines = [json.loads(line) for line in dest.read_text().splitlines()]
    assert sorted(lines, key=str) == sorted(({"tenant": t["name"], **row} for t in FLEET for row in ROWS), key=str)


def test_a_table_names_the_tenant_first(task: Task, tmp_path: Path) -> None:
    dest = tmp_path / "hunt.csv"
    task(dest=str(dest))
    rows = list(csv.reader(dest.open(newline="")))
    assert rows == [["tenant", "Device", "Size"], [TENANT, "srv1", "1.5"], [TENANT, "Grüße 😀", ""]]


def test_a_second_run_asks_only_who_did_not_finish(task: Task, tmp_path: Path) -> None:
    dest = tmp_path / "hunt.csv"
    refused = {"error": {"code": "BadRequest", "message": "Query exceeded the timeout period of 3 minutes."}}
    task.server.script(GRAPH, Answer({"schema": SCHEMA, "results": ROWS}), Answer(refused, 400))
    first = task(tenants=FLEET, dest=str(dest), concurrency=1)
    assert first["summary"] == {"error": 1, "granted": 1}
    assert "timeout period of 3 minutes" in first["tenants"][1]["msg"]
    assert task.asked() == 2
    task.server.script(GRAPH, Answer({"schema": SCHEMA, "results": ROWS[:1]}))
    second = task(tenants=FLEET, dest=str(dest))
    assert task.asked() == 1
    assert [tenant["from_earlier_run"] for tenant in second["tenants"]] == [True, False]
    assert [tenant["count"] for tenant in second["tenants"]] == [2, 1]
    assert second["tenants"][0]["finished_at"] == first["tenants"][0]["finished_at"]
    third = task(tenants=FLEET, dest=str(dest))
    assert (third["changed"], task.asked()) == (False, 0)
    assert len(dest.read_text().splitlines()) == 4


def test_another_fleet_is_added_to_the_same_file(task: Task, tmp_path: Path) -> None:
    dest = tmp_path / "hunt.csv"
    task(tenants=FLEET[:1], dest=str(dest))
    task(tenants=FLEET[1:], dest=str(dest))
    assert len(dest.read_text().splitlines()) == 5
    assert task(tenants=FLEET, dest=str(dest))["changed"] is False


@pytest.mark.parametrize("other", [{"query": "T"}, {"timespan": "P7D"}])
def test_another_hunt_does_not_go_into_the_same_file(task: Task, tmp_path: Path, other: dict[str, str]) -> None:
    dest = tmp_path / "hunt.csv"
    task(dest=str(dest))
    task.asked()
    with pytest.raises(OptionError, match="holds the rows of another query, timespan or API: name another file, or "):
        task(dest=str(dest), **other)
    assert task.asked() == 0


def test_a_hunt_that_nobody_answered_leaves_the_way_to_another(task: Task, tmp_path: Path) -> None:
    task.server.script(GRAPH, Answer({"error": {"code": "BadRequest", "message": "Syntax error."}}, 400))
    assert task(dest=str(tmp_path / "hunt.csv"))["changed"] is False
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["hunt.csv", "hunt.jsonl"])
def test_check_mode_asks_and_writes_nothing(task: Task, tmp_path: Path, name: str) -> None:
    result = task(check_mode=True, tenants=FLEET, dest=str(tmp_path / name))
    assert (result["changed"], [tenant["count"] for tenant in result["tenants"]]) == (True, [2, 2])
    assert list(tmp_path.iterdir()) == []
    task(tenants=FLEET, dest=str(tmp_path / name))
    task.asked()
    assert task(check_mode=True, tenants=FLEET, dest=str(tmp_path / name))["changed"] is False
    assert task.asked() == 0


def test_a_tenant_that_may_have_more_rows_is_named_so(task: Task, tmp_path: Path) -> None:
    task.server.script(GRAPH, Answer(TOO_MANY))
    for earlier in (False, True):
        result = task(dest=str(tmp_path / "hunt.jsonl"))
        assert (result["count"], result["truncated"], result["from_earlier_run"]) == (100_000, True, earlier)
        assert result["warnings"] == [
            "100,000 rows are the most that Microsoft returns, and there may be more: narrow the query"
        ]


def test_a_tenant_with_fewer_columns_is_told_so(task: Task, tmp_path: Path) -> None:
    few = {"schema": SCHEMA[:1], "results": [{"Device": "srv2"}]}
    task.server.script(GRAPH, Answer({"schema": SCHEMA, "results": ROWS}), Answer(few))
    result = task(tenants=FLEET, dest=str(tmp_path / "hunt.csv"), concurrency=1)
    assert result["tenants"][1]["warnings"] == ["this tenant's rows have no Size, which other tenants' rows have"]


def test_a_full_disk_is_told_and_mended_by_another_run(task: Task, tmp_path: Path) -> None:
    dest = tmp_path / "hunt.jsonl"
    task.server.script(GRAPH, Answer({"schema": SCHEMA, "results": [{"Device": "x" * 1000}]}))
    with no_file_larger_than(900):
        result = task(dest=str(dest))
    assert (result["state"], result["who"]) == ("error", "provider")
    assert f"its rows could not be added to {dest} (File too large)" in result["msg"]
    assert task(dest=str(dest))["changed"] is True
    assert len(dest.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"query": " \n"}, "query: the query is empty: write one in the Kusto language"),
        ({"query_file": "/nowhere/hunt.kql"}, "query_file: /nowhere/hunt.kql cannot be read (No such file or dir"),
        ({"query_file": "{latin}"}, "query_file: {latin} is not UTF-8 (byte 3 of it is none): save it as UTF-8"),
        ({"query_file": "{empty}"}, "query_file: the query is empty: "),
        ({"query_file": "{folder}"}, "query_file: {folder} cannot be read (Is a directory): "),
        ({"api": "xdr", "timespan": "P7D"}, "timespan: the Defender XDR API takes none: filter by Timestamp in the"),
        ({"timespan": "7d"}, "timespan '7d' is none: write a duration such as P7D"),
        ({"dest": "{folder}/hunt.txt"}, "dest: 'hunt.txt' names no format: let it end in .jsonl (JSON Lines) or .csv"),
        ({"dest": "/nowhere/hunt.csv"}, "dest: the folder /nowhere does not exist: create it first"),
        ({"dest": "{folder}/folder.csv"}, "dest: {folder}/folder.csv is a folder: name a file in it"),
        ({"cloud": "china", "api": "xdr"}, "cloud 'china' has no Microsoft Threat Protection API: "),
    ],
)
def test_bad_input_is_refused_before_any_request(
    task: Task, tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    known = {"folder": tmp_path, "latin": tmp_path / "latin.kql", "empty": tmp_path / "empty.kql"}
    known["latin"].write_bytes("T ü".encode("latin-1"))
    known["empty"].write_text("\n")
    (tmp_path / "folder.csv").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OptionError) as refused:
        task(**{option: value.format_map(known) for option, value in options.items()})
    assert str(refused.value).startswith(sentence.format_map(known))
    assert task.server.requests == []
    assert sorted(tmp_path.iterdir()) == before
