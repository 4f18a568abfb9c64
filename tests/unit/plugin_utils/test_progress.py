# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts
from ansible_collections.mssp.defender.plugins.plugin_utils import _progress

HALF = Counts(total=4, done=2, granted=1, parked=1, started_at=100.5, resumes_at=130.25)
ALL = Counts(total=4, done=4, granted=3, parked=0, started_at=100.5, resumes_at=None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the run keeps reports, if it does."""
    monkeypatch.setattr(_progress, "run_directory", lambda: tmp_path)
    return tmp_path / "progress"


@pytest.fixture
def watched(folder: Path) -> Path:
    _progress.watch()
    return folder


def test_nothing_is_told_where_nobody_watches(folder: Path) -> None:
    with _progress.shown("Verify") as progress:
        assert progress is None
    assert not folder.exists()
    assert _progress.reports() == []


def test_what_a_fleet_tells_is_read_until_it_ended_and_is_forgotten(watched: Path) -> None:
    with _progress.shown("Verify") as progress:
        assert progress is not None
        assert _progress.reports() == []
        progress(HALF)
        (report,) = _progress.reports()
        assert (report.name, report.ended, report.counts) == ("Verify", False, HALF)
        progress(ALL)
        assert [(each.ended, each.counts) for each in _progress.reports()] == [(False, ALL)]
    (report,) = _progress.reports()
    assert (report.ended, report.counts) == (True, ALL)
    _progress.forget(report)
    assert _progress.reports() == []
    assert list(watched.iterdir()) == []


def test_a_fleet_that_was_interrupted_ended_too(watched: Path) -> None:
    def interrupted() -> None:
        with _progress.shown("Verify") as progress:
            assert progress is not None
            progress(HALF)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [(report.ended, report.counts) for report in _progress.reports()] == [(True, HALF)]
    assert stat.S_IMODE(watched.stat().st_mode) == 0o700


def test_a_task_without_a_fleet_tells_nothing(watched: Path) -> None:
    with _progress.shown("Verify"):
        pass
    assert list(watched.iterdir()) == []


def test_fleets_are_listed_in_the_order_they_began(watched: Path) -> None:
    assert watched.is_dir()
    for name in ("first", "second", "third"):
        with _progress.shown(name) as progress:
            assert progress is not None
            progress(HALF)
    assert [report.name for report in _progress.reports()] == ["first", "second", "third"]


def test_a_name_cannot_move_the_cursor(watched: Path) -> None:
    assert watched.is_dir()
    with _progress.shown("Verify\x1b[2J\nall") as progress:
        assert progress is not None
        progress(HALF)
    assert [report.name for report in _progress.reports()] == ["Verify [2J all"]


def test_a_folder_that_cannot_be_written_costs_nobody_the_fleet(watched: Path) -> None:
    with _progress.shown("Verify") as progress:
        assert progress is not None
        watched.rmdir()
        progress(HALF)
    assert _progress.reports() == []
