# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live bar in the last row of a terminal."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Callable

from ansible_collections.mssp.defender.plugins.plugin_utils import _progress_text
from ansible_collections.mssp.defender.plugins.plugin_utils._progress import Report
from ansible_collections.mssp.defender.plugins.plugin_utils._progress_text import Line

Draw = Callable[[Line, float], bytes]
"""From what fits and the share that is done (0 to 1) to a line of the terminal, without its end."""

_FEWEST_ROWS, _FEWEST_COLUMNS = 3, 25
_SAVE_CURSOR, _RESTORE_CURSOR, _CURSOR_UP = b"\x1b7", b"\x1b8", b"\x1b[A"
_CUT_OFF, _WRAP = b"\x1b[?7l", b"\x1b[?7h"
_CLEAR_REST, _CLEAR_ROW = b"\x1b[K", b"\x1b[2K"
_SCROLL_ALL = b"\x1b[r"


class Bar:
    """Keeps out of the way of all other output, which scrolls in the rows above.

    It writes to the terminal itself, in one call each time. That takes no lock which a worker could inherit, and cannot
    fall into the middle of what another writes.
    """

    seconds = 0.2

    def __init__(self, terminal: int, draw: Draw) -> None:
        self._terminal = terminal
        self._draw = draw
        self._size: os.terminal_size | None = None

    def show(self, running: list[Report]) -> None:
        size = _room(self._terminal)
        if not running or not size:
            self.close()
            return
        if size != self._size:
            self._set_last_row_aside(size)
        counts = _progress_text.together([report.counts for report in running])
        line = _progress_text.fitted(running[0].name, counts, time.monotonic(), size.columns)
        drawn = self._draw(line, counts.done / max(counts.total, 1))
        self._write(_SAVE_CURSOR, _row(size.lines), _CUT_OFF, drawn, _CLEAR_REST, _WRAP, _RESTORE_CURSOR)

    def conclude(self, report: Report) -> None:
        """The task's result stands above."""

    def close(self) -> None:
        if self._size:
            self._write(_SAVE_CURSOR, _SCROLL_ALL, _row(self._size.lines), _CLEAR_ROW, _RESTORE_CURSOR)
            self._size = None

    def _set_last_row_aside(self, size: os.terminal_size) -> None:
        """Let the rows above scroll by themselves; the line feed makes room where the cursor is in the last row."""
        scroll_above = f"\x1b[1;{size.lines - 1}r".encode()
        self._write(b"\n", _SAVE_CURSOR, scroll_above, _RESTORE_CURSOR, _CURSOR_UP)
        self._size = size

    def _write(self, *parts: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._terminal, b"".join(parts))


def fits(terminal: int) -> bool:
    """Tell whether a bar can be shown. Some terminals, such as serial consoles, say that they have no rows at all."""
    return _room(terminal) is not None


def _room(terminal: int) -> os.terminal_size | None:
    """Return the size of a terminal, or None where it has no room for a bar or went away."""
    with contextlib.suppress(OSError):
        size = os.get_terminal_size(terminal)
        if size.lines >= _FEWEST_ROWS and size.columns >= _FEWEST_COLUMNS:
            return size
    return None


def drawing(encoding: str, colour: bool) -> Draw:
    """Return the best way to draw: by `rich` where that is installed. `encoding` is the terminal's."""
    try:
        draw = _by_rich(encoding, colour)
        # what rich imports when it draws first is imported here, and not in a thread while the process forks
        draw(Line("", 10, ""), 0.5)
    except ImportError:
        return _plain(encoding)
    return draw


def _plain(encoding: str) -> Draw:
    def draw(line: Line, share: float) -> bytes:
        inner = line.width - len("[]")
        full = round(share * inner)
        drawn = f"[{'#' * full}{'-' * (inner - full)}]"
        return " ".join(filter(None, (line.name, drawn, line.text))).encode(encoding, "replace")

    return draw


def _by_rich(encoding: str, colour: bool) -> Draw:
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second that only a bar is worth
    from rich.progress_bar import ProgressBar  # noqa: PLC0415

    def draw(line: Line, share: float) -> bytes:
        buffer = io.BytesIO()
        # the encoding tells rich which characters it may use
        stream = io.TextIOWrapper(buffer, encoding=encoding, errors="replace", newline="")
        console = Console(file=stream, force_terminal=True, no_color=not colour, width=line.width, markup=False)
        console.print(ProgressBar(total=1, completed=share, width=line.width), end="")
        stream.flush()
        drawn = buffer.getvalue().rstrip(b"\n")
        name, text = (each.encode(encoding, "replace") for each in (line.name, line.text))
        return b" ".join(filter(None, (name, drawn, text)))

    return draw


def _row(number: int) -> bytes:
    return f"\x1b[{number};1H".encode()
