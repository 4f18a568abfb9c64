# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from ansible import constants

from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts
from ansible_collections.mssp.defender.plugins.plugin_utils import _progress_display
from ansible_collections.mssp.defender.plugins.plugin_utils._progress import Report
from ansible_collections.mssp.defender.plugins.plugin_utils._progress_bar import Bar
from ansible_collections.mssp.defender.plugins.plugin_utils._progress_display import Lines


class Display:
    """Keeps what it is given to show."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, dict[str, Any]]] = []

    def display(self, text: str, **options: Any) -> None:
        self.shown.append((text, options))


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Chooses for a stdout callback, a place of stderr, and an environment."""

    def choose(callback: str, is_shared: bool, is_terminal: bool, rows: int = 24, **environment: str) -> type | None:
        monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", callback)
        monkeypatch.setattr(os.path, "sameopenfile", lambda *_unused: is_shared)
        monkeypatch.setattr(os, "isatty", lambda _unused: is_terminal)
        monkeypatch.setattr(os, "get_terminal_size", lambda _unused: os.terminal_size((80, rows)))
        for name, value in {"TERM": "xterm", **environment}.items():
            monkeypatch.setenv(name, value)
        screen = _progress_display.choose(Display(), 5.0)  # type: ignore[arg-type]
        return None if screen is None else type(screen)

    return choose


@pytest.mark.parametrize(
    ("callback", "is_shared", "is_terminal", "screen"),
    [
        ("default", True, True, Bar),
        ("default", True, False, Lines),
        ("ansible.builtin.default", True, False, Lines),
        ("community.general.yaml", True, True, Bar),
        ("mssp.defender.screen", True, True, Bar),
        ("ansible.posix.json", False, True, Bar),
        ("ansible.posix.json", False, False, Lines),
        ("ansible.posix.json", True, False, None),
        ("ansible.posix.jsonl", True, True, None),
        ("community.general.dense", True, True, None),
        ("awx_display", True, True, Lines),
    ],
)
def test_the_stdout_callback_decides_where_stderr_goes_to_the_same_place(
    chosen: Any, callback: str, is_shared: bool, is_terminal: bool, screen: type | None
) -> None:
    assert chosen(callback, is_shared, is_terminal) is screen


def test_a_terminal_that_cannot_move_the_cursor_gets_lines(chosen: Any) -> None:
    assert chosen("default", True, True, TERM="dumb") is Lines


@pytest.mark.parametrize(("rows", "screen"), [(0, Lines), (2, Lines), (3, Bar)])
def test_a_terminal_without_room_for_a_bar_gets_lines(chosen: Any, rows: int, screen: type) -> None:
    assert chosen("default", True, True, rows=rows) is screen


def test_json_in_a_job_stays_whole(chosen: Any) -> None:
    assert chosen("awx_display", True, True, ORIGINAL_STDOUT_CALLBACK="ansible.posix.json") is None


def test_nothing_is_shown_where_stderr_is_closed(chosen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_unused: int) -> bool:
        raise OSError(9, "Bad file descriptor")

    assert chosen("default", True, False) is Lines
    monkeypatch.setattr(os.path, "sameopenfile", closed)
    assert _progress_display.choose(Display(), 5.0) is None  # type: ignore[arg-type]


def test_lines_go_to_stderr_one_for_each_fleet() -> None:
    display = Display()
    lines = Lines(display, 5.0)  # type: ignore[arg-type]
    counts = Counts(10, 5, 4, 1, started_at=time.monotonic() - 5, resumes_at=None)
    reports = [Report(Path("x"), name, False, counts) for name in ("Verify", "Read")]
    lines.show(reports)
    lines.conclude(reports[0])
    lines.close()
    assert display.shown == [
        ("Verify: 5 of 10 customers, 4 granted, 1 not granted, 1 waiting, 1.0/s, 0:05 left", {"stderr": True}),
        ("Read: 5 of 10 customers, 4 granted, 1 not granted, 1 waiting, 1.0/s, 0:05 left", {"stderr": True}),
        ("Verify: 5 of 10 customers, 4 granted, 1 not granted, 1 waiting, 1.0/s, in 0:05", {"stderr": True}),
    ]
    assert lines.seconds == 5.0
