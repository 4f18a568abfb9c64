# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as a table, or as a list of blocks, in the room that there is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .cells import Cells, PlainCells

TABLE = "table"
LIST = "list"

_GAP = "   "
_INDENT = "  "
# a column of less is hard to read, and so is one that breaks an identifier such as a GUID
_LEAST_COLUMN, _UNBROKEN_WORD = 10, 40
_LEAST_VALUE = 16


@dataclass(frozen=True)
class Cell:
    """A text on one line; `paint` colours each line that it is broken into, and adds nothing that is seen."""

    text: str
    paint: Callable[[str], str] = str

    @property
    def is_url(self) -> bool:
        """Whether this is an address to click on or to copy, which must stay in one piece."""
        return self.text.startswith("https://")


@dataclass(frozen=True)
class Table:
    """What a report says. Each row has a cell for each name of the header. The title may be empty.

    `rest` is a line for what the rows leave out, or empty.
    """

    title: str
    header: list[str]
    rows: list[list[Cell]]
    rest: str = ""


def lines(table: Table, form: str, cells: Cells | None = None, room: float = math.inf) -> list[str]:
    """Return the lines of a report, no wider than `room` but for a URL. Without rows it is the title.

    `form` is TABLE or LIST; a table that cannot be read in that room is a list.
    """
    drawing = _Drawing(table, cells or PlainCells(), room)
    title = drawing.cells.wrap(table.title, room) if table.title else []
    if not table.rows:
        return title
    body = drawing.as_table() if form == TABLE else None
    if body is None:
        body = list(drawing.as_list())
    rest = ["", *drawing.cells.wrap(table.rest, room)] if table.rest else []
    return [*title, "", *body, *rest] if title else [*body, *rest]


@dataclass(frozen=True)
class _Drawing:
    table: Table
    cells: Cells
    room: float

    def as_table(self) -> list[str] | None:
        """Return the table, or None where the room is too narrow for it."""
        rows = [[Cell(name) for name in self.table.header], *self.table.rows]
        columns = list(zip(*rows, strict=True))
        wanted = [max(self.cells.width(cell.text) for cell in column) for column in columns]
        least = [min(most, max(map(self._least, column))) for column, most in zip(columns, wanted, strict=True)]
        widths = _shared(wanted, least, self.room - len(_GAP) * (len(columns) - 1))
        return None if widths is None else [line for row in rows for line in self._row(row, widths)]

    def as_list(self) -> Iterator[str]:
        """Yield each row as a block: its first value as the head, and below it the others that are not empty."""
        for number, row in enumerate(self.table.rows):
            if number:
                yield ""
            for head in row[:1]:
                yield from self._painted(head, self.room)
            for label, cell in zip(self.table.header[1:], row[1:], strict=True):
                if cell.text:
                    yield from self._entry(label, cell)

    def _row(self, row: Sequence[Cell], widths: list[int]) -> Iterator[str]:
        broken = [self._broken(cell, width) for cell, width in zip(row, widths, strict=True)]
        for pieces in itertools.zip_longest(*broken, fillvalue=""):
            shown = [
                (cell.paint(piece) if piece else "") + " " * (width - self.cells.width(piece))
                for cell, piece, width in zip(row, pieces, widths, strict=True)
            ]
            yield _GAP.join(shown).rstrip()

    def _entry(self, label: str, cell: Cell) -> Iterator[str]:
        labels = max(map(self.cells.width, self.table.header[1:]))
        before = len(_INDENT) + labels + len(_GAP)
        beside = self.room - before
        if not cell.is_url and beside >= max(_LEAST_VALUE, self._longest_word(cell.text)):
            first = _INDENT + label + " " * (labels - self.cells.width(label)) + _GAP
            for number, piece in enumerate(self._painted(cell, beside)):
                yield (" " * before if number else first) + piece
            return
        for piece in self.cells.wrap(label, self.room - len(_INDENT)):
            yield _INDENT + piece
        for piece in self._painted(cell, self.room - 2 * len(_INDENT)):
            yield 2 * _INDENT + piece

    def _least(self, cell: Cell) -> int:
        """Return how wide the column of the cell must be at least."""
        if cell.is_url:
            return self.cells.width(cell.text)
        return max(_LEAST_COLUMN, min(_UNBROKEN_WORD, self._longest_word(cell.text)))

    def _longest_word(self, text: str) -> int:
        """Return the width of the longest word that should stay whole; one of wide characters breaks anywhere."""
        widths = {word: self.cells.width(word) for word in text.split()}
        return max((width for word, width in widths.items() if width <= len(word)), default=0)

    def _painted(self, cell: Cell, room: float) -> list[str]:
        return [cell.paint(piece) for piece in self._broken(cell, room)]

    def _broken(self, cell: Cell, room: float) -> list[str]:
        return [cell.text] if cell.is_url else self.cells.wrap(cell.text, room)


def _shared(wanted: list[int], least: list[int], room: float) -> list[int] | None:
    """Return the widths of columns that share the room, or None where there is less than the least.

    Each has what it wants where there is enough; else the narrow ones do, and the wide ones have the same.
    """
    if sum(wanted) <= room:
        return wanted
    widths = list(least)
    while (total := sum(widths)) < room:
        narrowest = min(
            (index for index in range(len(widths)) if widths[index] < wanted[index]), key=widths.__getitem__
        )
        widths[narrowest] += 1
    return widths if total <= room else None
