# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.plugin_utils import _left_reports


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_left_reports, "run_directory", lambda: tmp_path)
    return tmp_path / "reports"


def test_nothing_is_left_where_nobody_waits(folder: Path) -> None:
    assert not _left_reports.leave("Customers")
    assert not folder.exists()
    assert _left_reports.take() == []


def test_reports_are_taken_once_and_in_their_order(folder: Path) -> None:
    _left_reports.wait_for_reports()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(map(_left_reports.leave, ("Incidents: 東京", "Customers")))
    assert _left_reports.take() == ["Incidents: 東京", "Customers"]
    assert _left_reports.take() == []
    assert list(folder.iterdir()) == []
