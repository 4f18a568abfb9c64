# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that was interrupted says at last, by what its workers noted."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.plugin_utils import _kept


@pytest.fixture(autouse=True)
def run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_kept, "run_directory", lambda: tmp_path)
    return tmp_path


def interrupted_after(kept: int, customers: int) -> None:
    """Run a task whose threads note so many customers, and that is interrupted then."""
    with _kept.noted(customers) as note:
        threads = [threading.Thread(target=note) for _unused in range(kept)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        raise KeyboardInterrupt


def test_a_task_that_was_interrupted_tells_what_is_kept() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted_after(187, 300)
    assert _kept.last_line() == "Interrupted: what was read of 187 of 300 customers is kept; run again to go on."


def test_two_tasks_at_once_are_counted_together() -> None:
    with _kept.noted(2) as first, _kept.noted(3) as second:
        first()
        second()
        second()
        assert _kept.last_line() == "Interrupted: what was read of 3 of 5 customers is kept; run again to go on."


@pytest.mark.parametrize("ending", [ValueError, SystemExit])
def test_a_task_that_ended_by_itself_tells_nothing(ending: type[BaseException]) -> None:
    with contextlib.suppress(ending), _kept.noted(2) as note:
        note()
        raise ending
    with _kept.noted(2) as note:
        note()
    assert _kept.last_line() is None


def test_where_nothing_was_kept_nothing_is_told() -> None:
    with _kept.noted(2):
        assert _kept.last_line() is None


def test_a_task_for_one_host_notes_nothing(run_directory: Path) -> None:
    with _kept.noted(0) as note:
        note()
        assert list(run_directory.iterdir()) == []


def test_a_note_that_cannot_be_made_costs_nobody_the_customer(run_directory: Path) -> None:
    with _kept.noted(2) as note:
        for path in (run_directory / "kept").iterdir():
            path.unlink()
        note()
        assert _kept.last_line() is None
