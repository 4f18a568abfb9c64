# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure and wrap texts by `rich`, which knows how terminals draw clusters of characters."""

from __future__ import annotations

from ansible_collections.mssp.defender.plugins.module_utils._core.cells import Cells, PlainCells


def best_cells() -> Cells:
    """Return `rich`'s way where it is installed, or else our own."""
    try:
        return _RichCells()
    except ImportError:
        return PlainCells()


class _RichCells:
    """Raises ImportError where `rich` is not installed."""

    def __init__(self) -> None:
        from rich.cells import cell_len  # noqa: PLC0415 - a tenth of a second that only a terminal is worth
        from rich.console import Console  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        self._cell_len = cell_len
        self._console = Console()
        self._text = Text

    def width(self, text: str) -> int:
        return self._cell_len(text)

    def wrap(self, text: str, room: float) -> list[str]:
        if self.width(text) <= room:
            return [text]
        wrapped = self._text(text).wrap(self._console, int(room), overflow="fold")
        return [line.plain.rstrip() for line in wrapped]
