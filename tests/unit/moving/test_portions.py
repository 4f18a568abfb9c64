# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A long read is handed over in portions, and a read whose task has ended is not handed over at all."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.machine import Clock
from support.scripted_entra import RESOURCE, ScriptedEntra
from support.scripted_server import Answer, Request
from support.scripted_tasks import FLEET, ReadingTask, page

from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import delivery, incidents

XDR = "/api/incidents"


@pytest.fixture
def task(entra: ScriptedEntra) -> ReadingTask:
    return ReadingTask(incidents.OPERATION, entra, RESOURCE)


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, str]:
    """The options of an incremental read of one tenant into a file."""
    return {"dest": str(tmp_path / "contoso.jsonl"), "checkpoint": str(tmp_path / "contoso.checkpoint")}


def written(options: dict[str, str]) -> list[int]:
    return [json.loads(line)["incidentId"] for line in Path(options["dest"]).read_text().splitlines()]


@pytest.mark.parametrize("seconds", [1, 31])
def test_a_long_read_is_handed_over_in_portions(
    task: ReadingTask, kept: dict[str, str], clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """Whenever it is killed, what was read until half a minute before is in the file and known to the next run."""
    task.server.has_no_more = False
    task.server.script(XDR, page(range(100)), page(range(50, 150)), page(range(100, 200)), page([]))
    answer = task.server.next_answer
    at_requests: list[tuple[int, int]] = []

    def slow(request: Request) -> Answer:
        if request.path == XDR:
            clock.sleep(seconds)
            is_there = Path(kept["checkpoint"]).exists()
            known = json.loads(Path(kept["checkpoint"]).read_text())["seen"] if is_there else ()
            at_requests.append((len(written(kept)) if Path(kept["dest"]).exists() else 0, len(known)))
        return answer(request)

    monkeypatch.setattr(task.server, "next_answer", slow)
    assert task(**kept, backfill="")["count"] == 200
    assert at_requests[:4] == ([(0, 0)] * 4 if seconds == 1 else [(0, 0), (100, 100), (150, 150), (200, 200)])
    assert written(kept) == list(range(200))


def test_without_a_checkpoint_a_long_read_replaces_its_file_as_a_whole(
    task: ReadingTask, kept: dict[str, str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    task.server.script(XDR, page(range(3)))
    task(dest=kept["dest"])
    task.server.has_no_more = False
    task.server.script(XDR, page(range(100)), page(range(50, 150)), page([]))
    answer = task.server.next_answer
    at_requests: list[int] = []

    def slow(request: Request) -> Answer:
        if request.path == XDR:
            clock.sleep(60)
            at_requests.append(len(written(kept)))
        return answer(request)

    monkeypatch.setattr(task.server, "next_answer", slow)
    assert task(dest=kept["dest"])["count"] == 150
    assert set(at_requests) == {3}
    assert len(written(kept)) == 150


@pytest.mark.parametrize("incremental", [True, False])
def test_a_thread_that_outlives_its_task_hands_nothing_over(
    task: ReadingTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, incremental: bool
) -> None:
    """A task's timeout ends the fleet in the middle of a read: its first page is discarded, and the second comes."""
    is_asked, may_answer = threading.Event(), threading.Event()
    task.server.has_no_more = False
    task.server.script(XDR, page(range(100)), page(range(50, 150)), page([]))
    answer = task.server.next_answer

    def late(request: Request) -> Answer:
        if request.path == XDR and len(task.server.requests_to(XDR)) == 2:
            is_asked.set()
            may_answer.wait(60)
        return answer(request)

    class TimeIsOver(BaseException):
        pass

    reads: list[threading.Thread] = []

    def interrupted(_params: object, work: dict[object, Callable[[], object]], _progress: object) -> None:
        def read() -> None:
            with contextlib.suppress(Exception):
                job()

        (job,) = work.values()
        reads.append(threading.Thread(target=read))
        reads[0].start()
        is_asked.wait(60)
        raise TimeIsOver

    monkeypatch.setattr(task.server, "next_answer", late)
    monkeypatch.setattr(delivery.fleet_task, "run", interrupted)
    options = {"dest": str(tmp_path / "a.jsonl"), **({"checkpoint": str(tmp_path / "a.mark")} if incremental else {})}
    with pytest.raises(TimeIsOver):
        task(**options, backfill="")
    may_answer.set()
    reads[0].join(60)
    assert not reads[0].is_alive()
    assert list(tmp_path.iterdir()) == []


def test_each_tenant_is_noted_once_as_soon_as_something_of_it_is_kept(task: ReadingTask, tmp_path: Path) -> None:
    noted: list[int] = []

    def note() -> None:
        noted.append(len(list(tmp_path.glob("*.checkpoint"))))

    task.note_kept = note
    task.server.script(XDR, page([1, 2]))
    folders = {"dest": str(tmp_path), "checkpoint": str(tmp_path)}
    task(tenants=FLEET, concurrency=1, backfill="2026-11-01", **folders)
    assert noted == [1, 2]
    task(tenants=FLEET, dest=str(tmp_path))
    task(tenants=FLEET, checkpoint=str(tmp_path))
    assert noted == [1, 2], "what is not added to a file, behind a checkpoint, is not kept for the next run"
