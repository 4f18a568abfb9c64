# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts
from ansible_collections.mssp.defender.plugins.plugin_utils import _progress_bar
from ansible_collections.mssp.defender.plugins.plugin_utils._progress import Report
from ansible_collections.mssp.defender.plugins.plugin_utils._progress_text import Line

CONTROL = re.compile(r"\x1b\[[\d;]*m")
TEXT = "500 of 1000 customers, 488 granted, 12 not granted, 50/s, 0:10 left"


def report(ended: bool = False) -> Report:
    return Report(Path("x"), "Verify", ended, Counts(10, 5, 4, 1, started_at=0.0, resumes_at=None))


@pytest.fixture(params=["none", "rich"])
def draw(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Draws with each library, and returns the characters that are seen."""
    if request.param == "none":
        monkeypatch.setitem(sys.modules, "rich.console", None)
    elif not importlib.util.find_spec("rich"):
        pytest.skip("not on this machine: rich")

    def line(name: str, share: float, width: int, encoding: str = "utf-8") -> str:
        drawn = _progress_bar.drawing(encoding, colour=True)(Line(name, width, TEXT), share)
        return CONTROL.sub("", drawn.decode(encoding))

    return line


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bytes]]:
    """A terminal of 24 rows; returns what was written to it since the last time."""
    size = os.terminal_size((80, 24))
    monkeypatch.setattr(os, "get_terminal_size", lambda _descriptor: size)
    outside, inside = os.pipe()
    os.set_blocking(outside, False)

    def written() -> bytes:
        try:
            return os.read(outside, 1 << 16)
        except BlockingIOError:
            return b""

    written.descriptor = inside  # type: ignore[attr-defined]
    yield written
    os.close(outside)
    os.close(inside)


def make_bar(terminal: Callable[[], bytes]) -> _progress_bar.Bar:
    descriptor: int = terminal.descriptor  # type: ignore[attr-defined]
    return _progress_bar.Bar(descriptor, lambda line, share: f"{line.name} {share} {line.text[:9]}".encode())


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_line_tells_the_task_the_share_and_the_counts(draw: Callable[..., str], encoding: str) -> None:
    half, full = draw("Verify", 0.5, 20, encoding), draw("Verify", 1.0, 20, encoding)
    assert half.startswith("Verify")
    assert half.rstrip().endswith(TEXT)
    mark = max("━#-", key=full.count)
    assert half.count(mark) < full.count(mark)


def test_a_line_is_as_long_as_was_asked_for(draw: Callable[..., str]) -> None:
    assert len(draw("Verify", 0.5, 10)) == len("Verify") + 1 + 10 + 1 + len(TEXT)
    assert draw("", 0.5, 10).endswith(f" {TEXT}")
    assert len(draw("", 0.5, 10)) == 10 + 1 + len(TEXT)


def test_a_share_is_as_long_as_it_is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    draw = _progress_bar.drawing("utf-8", colour=True)
    assert draw(Line("Verify", 42, TEXT), 0.25) == f"Verify [{'#' * 10}{'-' * 30}] {TEXT}".encode()


def test_a_bar_keeps_to_the_last_row_and_gives_it_back(terminal: Callable[[], bytes]) -> None:
    shown = make_bar(terminal)
    shown.show([report()])
    first = terminal()
    assert first.startswith(b"\n\x1b7\x1b[1;23r\x1b8\x1b[A\x1b7\x1b[24;1H")
    assert b"Verify 0.5 5 of 10, " in first
    assert first.endswith(b"\x1b8")
    shown.show([report(), report()])
    second = terminal()
    assert b"10 of 20" in second
    assert b"\x1b[1;23r" not in second
    shown.close()
    assert terminal() == b"\x1b7\x1b[r\x1b[24;1H\x1b[2K\x1b8"
    shown.close()
    assert terminal() == b""


def test_a_bar_without_a_fleet_is_closed(terminal: Callable[[], bytes]) -> None:
    shown = make_bar(terminal)
    shown.show([])
    assert terminal() == b""
    shown.show([report()])
    shown.show([])
    assert terminal().endswith(b"\x1b7\x1b[r\x1b[24;1H\x1b[2K\x1b8")


def test_a_bar_follows_the_size_of_the_terminal(terminal: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = make_bar(terminal)
    shown.show([report()])
    monkeypatch.setattr(os, "get_terminal_size", lambda _descriptor: os.terminal_size((80, 50)))
    terminal()
    shown.show([report()])
    assert b"\x1b[1;49r" in terminal()
    monkeypatch.setattr(os, "get_terminal_size", lambda _descriptor: os.terminal_size((80, 2)))
    shown.show([report()])
    assert b"\x1b[r" in terminal()


@pytest.mark.parametrize(("columns", "rows"), [(0, 0), (80, 2), (0, 24), (24, 24)])
def test_a_terminal_without_room_is_left_alone(
    terminal: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch, columns: int, rows: int
) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _descriptor: os.terminal_size((columns, rows)))
    assert not _progress_bar.fits(2)
    make_bar(terminal).show([report()])
    assert terminal() == b""


def test_a_terminal_that_went_away_is_no_trouble() -> None:
    outside, inside = os.pipe()
    os.close(outside)
    shown = _progress_bar.Bar(inside, lambda *_unused: b"")
    shown._size = os.terminal_size((80, 24))
    assert not _progress_bar.fits(inside)
    shown.show([report()])
    assert shown._size is None
    os.close(inside)
