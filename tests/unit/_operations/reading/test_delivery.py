# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is handed over and what is noted of it: whatever fails on the way, the next run hands out the rest."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from support.machine import Clock, no_file_larger_than
from support.scripted_entra import RESOURCE, TENANT, ScriptedEntra
from support.scripted_server import Answer, Request
from support.scripted_tasks import FLEET, NOON, SECOND, ReadingTask, page

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.reading import reader
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.checkpoints import OVERLAP
from ansible_collections.mssp.defender.plugins.module_utils._core.wire import http
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import incidents, tenant_read

XDR = "/api/incidents"
THROTTLED = Answer("", status=429, headers={"Retry-After": "60"})


@pytest.fixture
def task(entra: ScriptedEntra) -> ReadingTask:
    return ReadingTask(incidents.OPERATION, entra, RESOURCE)


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, str]:
    """The options of an incremental read of one tenant into a file."""
    return {"dest": str(tmp_path / "contoso.jsonl"), "checkpoint": str(tmp_path / "contoso.checkpoint")}


def written(options: dict[str, str]) -> list[int]:
    return [json.loads(line)["incidentId"] for line in Path(options["dest"]).read_text().splitlines()]


def since(query: dict[str, str]) -> str:
    return query["$filter"].removeprefix("lastUpdateTime ge ").partition(" ")[0]


def test_the_first_run_reaches_back_as_far_as_the_backfill(task: ReadingTask, kept: dict[str, str]) -> None:
    task.server.script(XDR, page([]))
    for backfill in ("2026-11-01", ""):
        task(**kept, backfill=backfill)
    first, second = task.asked(XDR)
    assert since(first) == "2026-11-01T00:00:00.0000000Z"
    assert second == {"$top": "100"}


def test_the_next_run_begins_before_the_newest_and_hands_out_only_news(task: ReadingTask, kept: dict[str, str]) -> None:
    task.server.script(XDR, page(range(3)), page(range(4)))
    assert task(**kept, backfill="")["count"] == 3
    result = task(**kept, backfill="")
    assert (result["count"], result["changed"]) == (1, True)
    assert written(kept) == [0, 1, 2, 3]
    assert since(task.asked(XDR)[1]) == timestamps.render(NOON + 2 * SECOND - OVERLAP)


def test_what_a_killed_run_had_written_is_not_written_again(
    task: ReadingTask, kept: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the file had grown, and before the checkpoint moved: in the first run, and in a later one."""
    task.server.script(XDR, page(range(3)), page(range(5)), page(range(6)))
    for count in (3, 2):
        with monkeypatch.context() as killed:
            killed.setattr(tenant_read.TenantRead, "settle", lambda _read: None)
            assert task(**kept, backfill="")["count"] == count
    assert task(**kept, backfill="")["count"] == 1
    assert written(kept) == list(range(6))


def test_a_run_without_news_leaves_the_file_alone(task: ReadingTask, kept: dict[str, str]) -> None:
    task.server.script(XDR, page(range(3)))
    task(**kept)
    before = Path(kept["dest"]).read_text()
    result = task(**kept)
    assert (result["count"], result["changed"]) == (0, False)
    assert Path(kept["dest"]).read_text() == before


def test_a_read_that_could_not_finish_says_how_far_it_came_and_goes_on_there(
    task: ReadingTask, kept: dict[str, str]
) -> None:
    """All that there was before `complete_until` is in the file, and so is what happened to be read behind it."""
    task.server.script(XDR, page(range(100)), page(range(40)), THROTTLED)
    result = task(**kept, backfill="2026-11-20T12:00:00Z", max_wait=0)
    assert (result["state"], result["count"], result["changed"]) == ("throttled", 100, True)
    assert written(kept) == list(range(100))
    window = task.asked(XDR)[1]["$filter"]
    assert window.endswith(f"lastUpdateTime lt {result['complete_until']}")
    assert sum(result["severities"].values()) == result["count"]

    task.server.script(XDR, page(range(40, 60)), page(range(200, 203)))
    asked = len(task.asked(XDR))
    again = task(**kept, backfill="2026-11-20T12:00:00Z")
    assert (again["state"], again["count"]) == ("granted", 0)
    assert since(task.asked(XDR)[asked]) == "2026-11-20T12:00:00.0000000Z", "and no further back than the first read"
    assert task(**kept)["count"] == 3
    assert written(kept) == [*range(100), *range(200, 203)]


def test_a_read_that_goes_on_does_not_fetch_again_what_a_redirected_one_leads_to(
    task: ReadingTask, kept: dict[str, str]
) -> None:
    """It is in the file, and older than the checkpoint remembers."""
    hours = 3600
    first = [{"incidentId": n, "lastUpdateTime": timestamps.render(NOON + n * hours * SECOND)} for n in range(100)]
    redirected = {
        "incidentId": 200,
        "lastUpdateTime": timestamps.render(NOON + 101 * hours * SECOND),
        "redirectIncidentId": 1,
    }
    task.server.script(XDR, Answer({"value": first}), Answer({"value": first[:80]}), THROTTLED)
    unfinished = task(**kept, backfill="2026-11-20T12:00:00Z", max_wait=0)
    assert (unfinished["state"], unfinished["count"]) == ("throttled", 100)
    task.server.script(XDR, Answer({"value": [*first[80:], redirected]}))
    assert task(**kept, backfill="2026-11-20T12:00:00Z")["count"] == 1
    assert written(kept) == [*range(100), 200]
    assert task.asked(f"{XDR}/1") == []


def test_without_a_file_to_add_to_an_unfinished_read_hands_over_nothing(task: ReadingTask, tmp_path: Path) -> None:
    task.server.script(XDR, page(range(100)), page(range(40)), THROTTLED)
    result = task(checkpoint=str(tmp_path / "mark"), backfill="2026-11-20T12:00:00Z", max_wait=0)
    assert result["state"] == "throttled"
    assert not {"count", "complete_until", "incidents"} & set(result)
    assert list(tmp_path.iterdir()) == []


def test_a_throttled_tenant_goes_on_after_its_wait(task: ReadingTask, tmp_path: Path) -> None:
    throttled = Answer("", status=429, headers={"Retry-After": "1"})
    task.server.script(XDR, page(range(100)), throttled, page(range(100)), page([100]))
    result = task(dest=str(tmp_path / "out"), updated_after="2026-11-20T12:00:00Z", filter="status ne 'Resolved'")
    assert (result["state"], result["count"]) == ("granted", 101)
    assert len((tmp_path / "out").read_text().splitlines()) == 101


@pytest.mark.parametrize("room", [0, 1, 500, 3000])
def test_a_full_disk_loses_nothing_and_leaves_the_checkpoint_where_it_was(
    task: ReadingTask, kept: dict[str, str], room: int
) -> None:
    task.server.script(XDR, page(range(3)))
    task(**kept)
    before = Path(kept["checkpoint"]).read_text()
    size = Path(kept["dest"]).stat().st_size
    task.server.script(XDR, page(range(80)))
    with no_file_larger_than(size + room):
        result = task(**kept)
    assert (result["state"], result["who"]) == ("error", "provider")
    assert f"{kept['dest']} cannot be used (File too large): make room for it" in result["msg"]
    assert Path(kept["checkpoint"]).read_text() == before
    assert sorted(path.name for path in Path(kept["dest"]).parent.iterdir()) == [
        "contoso.checkpoint",
        "contoso.jsonl",
    ]
    # there is room again
    assert task(**kept)["state"] == "granted"
    assert set(written(kept)) == set(range(80))


def test_a_checkpoint_that_cannot_be_saved_costs_no_tenant_its_result(task: ReadingTask, tmp_path: Path) -> None:
    """The others' checkpoints may have moved: were the task to fail now, what it read of them would be lost."""
    task.server.script(XDR, page(range(3)))
    assert task(tenants=FLEET, checkpoint=str(tmp_path))["summary"] == {"granted": 2}
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    task.server.script(XDR, page(range(3, 80)))
    with no_file_larger_than(1000):
        result = task(tenants=FLEET, checkpoint=str(tmp_path))
    assert [tenant["count"] for tenant in result["tenants"]] == [77, 77]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
    assert [warning.partition(":")[0] for warning in task.warnings] == ["contoso", "fabrikam"]
    assert all("comes again with the next run" in warning for warning in task.warnings)
    assert [tenant["count"] for tenant in task(tenants=FLEET, checkpoint=str(tmp_path))["tenants"]] == [77, 77]


def ahead(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """Let this machine's clock be ahead by so many hours."""
    now = time.time() + hours * 3600
    for module in (tenant_read, reader):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now))


def test_a_checkpoint_that_lies_in_the_future_is_refused_and_kept(
    task: ReadingTask, kept: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = timestamps.render_seconds(time.time() + 2 * 3600)
    task.server.script(XDR, Answer({"value": [{"incidentId": 1, "lastUpdateTime": soon}]}))
    with monkeypatch.context() as patch:
        ahead(patch, 3)
        assert task(**kept)["state"] == "granted"
    before = Path(kept["checkpoint"]).read_text()
    asked = len(task.asked(XDR))
    result = task(**kept)
    assert (result["state"], result["who"], len(task.asked(XDR))) == ("error", "provider", asked)
    assert "which is still to come" in result["meaning"]
    assert "check this machine's clock" in result["remedy"]
    assert Path(kept["checkpoint"]).read_text() == before


def test_a_clock_that_was_ahead_at_the_first_read_moves_the_checkpoint_no_further_than_records_do(
    task: ReadingTask, kept: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    task.server.script(XDR, page(range(3)), page(range(4)))
    with monkeypatch.context() as patch:
        ahead(patch, 3)
        assert task(**kept)["count"] == 3
    assert task(**kept)["count"] == 1


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59Z", "2200-01-01T00:00:00Z"])
def test_a_record_from_the_future_keeps_no_other_back(task: ReadingTask, kept: dict[str, str], time: str) -> None:
    first = [{"incidentId": 1, "lastUpdateTime": time}, *page(range(2, 5)).body["value"]]
    task.server.script(XDR, Answer({"value": first}), page([1, *range(2, 6)]))
    assert task(**kept, backfill="")["count"] == 4
    assert task(**kept)["count"] == 2, "the one that came since, and the first in a version with a time that can be"
    assert since(task.asked(XDR)[-1]) == timestamps.render(NOON + 4 * SECOND - OVERLAP)


@pytest.mark.parametrize("option", ["created_after", "updated_after", "backfill"])
def test_a_time_in_the_future_is_warned_of(task: ReadingTask, kept: dict[str, str], option: str) -> None:
    task.server.script(XDR, page([]))
    given = kept if option == "backfill" else {}
    assert task(**given, **{option: "2200-01-01"})["state"] == "granted"
    assert any(warning.startswith(f"{option} 2200-01-01 is in the future") for warning in task.warnings)


def test_what_tells_no_time_comes_and_is_told(task: ReadingTask, kept: dict[str, str]) -> None:
    odd = [{"incidentId": number, "lastUpdateTime": time} for number, time in enumerate([None, "soon", 7, [7]])]
    task.server.script(XDR, Answer({"value": [*odd, {"incidentId": 5}]}))
    result = task(**kept, backfill="")
    assert (result["count"], result["warnings"]) == (
        5,
        ["5 of the incidents tell no time of last update, and may come again"],
    )


def nested(levels: int) -> Answer:
    record = '{"incidentId": 1, "lastUpdateTime": "2026-11-20T12:00:00Z", "x": ' + "[" * levels + "]" * levels + "}"
    return Answer(f'{{"value": [{record}]}}')


@pytest.mark.parametrize(("levels", "state"), [(50, "granted"), (70, "error"), (300, "error"), (50_000, "error")])
def test_a_record_that_is_nested_too_deep_is_its_tenants_trouble(
    task: ReadingTask, kept: dict[str, str], levels: int, state: str
) -> None:
    task.server.script(XDR, nested(levels))
    result = task(tenants=FLEET[:1])
    assert result["tenants"][0]["state"] == state
    written_down = task(tenants=FLEET[:1], dest=str(Path(kept["dest"]).parent))
    assert written_down["tenants"][0]["state"] == ("error" if levels > 1000 else "granted")


@pytest.mark.parametrize("content", ["", "{", "null", '{"watermark": 1}'])
def test_a_damaged_checkpoint_is_refused_and_kept_before_anything_is_asked(
    task: ReadingTask, kept: dict[str, str], content: str
) -> None:
    Path(kept["checkpoint"]).write_text(content)
    result = task(**kept)
    assert (result["state"], result["who"]) == ("error", "provider")
    assert f"the checkpoint {kept['checkpoint']} is damaged" in result["msg"]
    assert "remove this one to read again from the backfill on" in result["msg"]
    assert Path(kept["checkpoint"]).read_text() == content
    assert task.asked(XDR) == []
    assert not Path(kept["dest"]).exists()


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ({}, {"severity": ["High"]}, "severity"),
        ({"status": ["Active"]}, {"status": ["Resolved"]}, "Resolved"),
        ({"filter": "a"}, {"filter": "b"}, '"filter": "b"'),
        ({"assigned_to": "a"}, {}, "filtered by {}"),
    ],
)
def test_a_checkpoint_of_another_question_is_refused_and_kept(
    task: ReadingTask, kept: dict[str, str], first: dict[str, Any], second: dict[str, Any], named: str
) -> None:
    task.server.script(XDR, page(range(3)))
    assert task(**kept, **first)["state"] == "granted"
    before = Path(kept["checkpoint"]).read_text()
    result = task(**kept, **second)
    assert result["state"] == "error"
    assert "belongs to /api/incidents of tenant" in result["meaning"]
    assert named in result["meaning"].partition("and this is a read of")[2]
    assert Path(kept["checkpoint"]).read_text() == before


def test_other_ways_to_hand_over_are_the_same_question(task: ReadingTask, kept: dict[str, str]) -> None:
    task.server.script(XDR, page(range(3)), page(range(4)))
    task(**kept)
    result = task(checkpoint=kept["checkpoint"], normalize=True, backfill="1h")
    assert [record["normalized"]["id"] for record in result["incidents"]] == ["3"]


@pytest.mark.parametrize("clashing", [{"limit": 1}, {"updated_after": "1d"}], ids=lambda options: next(iter(options)))
def test_a_checkpoint_goes_with_no_option_that_leaves_something_out(
    kept: dict[str, str], clashing: dict[str, Any]
) -> None:
    validator = ArgumentSpecValidator(incidents.OPERATION.arguments, **incidents.OPERATION.constraints)
    (message,) = validator.validate({"checkpoint": kept["checkpoint"], **clashing}).error_messages
    assert message.startswith("parameters are mutually exclusive: ")


def test_every_tenant_has_a_checkpoint_of_its_own(task: ReadingTask, tmp_path: Path) -> None:
    task.server.script(XDR, page(range(3)))
    task(tenants=FLEET, checkpoint=str(tmp_path))
    contoso, fabrikam = (tmp_path / f"{tenant['name']}.checkpoint" for tenant in FLEET)
    contoso.replace(fabrikam)
    states = [tenant["state"] for tenant in task(tenants=FLEET, checkpoint=str(tmp_path))["tenants"]]
    assert states == ["granted", "error"]


def test_an_option_that_no_tenant_could_work_with_leaves_the_checkpoint_alone(
    task: ReadingTask, kept: dict[str, str]
) -> None:
    with pytest.raises(OptionError):
        task(**kept, backfill="soon")
    assert not Path(kept["checkpoint"]).exists()
    assert task.asked(f"/{TENANT}/oauth2/v2.0/token") == []


def test_a_tenant_is_settled_before_the_others_have_been_read(
    task: ReadingTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task.server.script(XDR, page([1, 2]))
    settled: dict[str, bool] = {}
    answer = task.server.next_answer

    def noting(request: Request) -> Answer:
        if request.path == XDR:
            is_there = (tmp_path / "contoso.checkpoint").exists() and (tmp_path / "contoso.jsonl").exists()
            settled[request.headers["Authorization"]] = is_there
        return answer(request)

    monkeypatch.setattr(task.server, "next_answer", noting)
    folders = {"dest": str(tmp_path), "checkpoint": str(tmp_path)}
    task(tenants=FLEET, concurrency=1, backfill="2026-11-01", **folders)
    assert list(settled.values()) == [False, True]


def test_what_is_returned_moves_no_checkpoint_before_the_task_returns_it(
    task: ReadingTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task.server.script(XDR, page([1, 2]))
    answer = task.server.next_answer

    def noting(request: Request) -> Answer:
        assert not list(tmp_path.glob("*.checkpoint"))
        return answer(request)

    monkeypatch.setattr(task.server, "next_answer", noting)
    result = task(tenants=FLEET, concurrency=1, backfill="2026-11-01", checkpoint=str(tmp_path))
    assert [len(tenant["incidents"]) for tenant in result["tenants"]] == [2, 2]
    assert len(list(tmp_path.glob("*.checkpoint"))) == 2


def test_a_tenant_whose_time_is_over_keeps_what_was_read(
    task: ReadingTask, kept: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pages never end, and the third takes hours."""
    clock = Clock()
    monkeypatch.setattr(http, "clock", clock)
    task.server.script(XDR, page(range(100)), page(range(50)), page(range(50, 150)))
    answer = task.server.next_answer

    def slow(request: Request) -> Answer:
        clock.sleep(7200 if len(task.asked(XDR)) == 2 else 0)
        return answer(request)

    monkeypatch.setattr(task.server, "next_answer", slow)
    result = task(**kept, backfill="2026-11-20T12:00:00Z")
    assert (result["state"], result["failed"], result["who"]) == ("unreachable", True, "provider")
    assert result["meaning"].startswith("the 7200 s of tenant_timeout were over before ")
    assert result["count"] == len(written(kept)) >= 100
    assert result["complete_until"] > "2026-11-20T12:00:00"
