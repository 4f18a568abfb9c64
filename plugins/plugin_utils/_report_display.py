# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print a report so that it fits the terminal, in colour where there are colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ansible.utils.color import stringc
from ansible.utils.display import Display

from ansible_collections.mssp.defender.plugins.module_utils._core import layout
from ansible_collections.mssp.defender.plugins.module_utils._core.cells import steady
from ansible_collections.mssp.defender.plugins.module_utils._core.layout import Cell, Table
from ansible_collections.mssp.defender.plugins.plugin_utils import _left_reports, _state_colours, _terminal
from ansible_collections.mssp.defender.plugins.plugin_utils._rich_cells import best_cells


def show(report: Table, form: str, lines: list[str]) -> None:
    """Print the report, now or when the stdout callback does; `lines` are what the log of the run gets."""
    display = Display()
    display.display(_set_apart(lines), log_only=True)
    shown = _set_apart(fitted(report, form, _terminal.columns(), _terminal.shows_colours()))
    if not _left_reports.leave(shown):
        display.display(shown, screen_only=True)


def fitted(report: Table, form: str, columns: int | None, has_colours: bool) -> list[str]:
    """Return the lines for a terminal of so many columns, or unbroken where there is none."""
    if has_colours:
        report = replace(report, rows=[_coloured(report.header, row) for row in report.rows])
    if columns is None:
        return layout.lines(report, form)
    rows = [[replace(cell, text=steady(cell.text)) for cell in row] for row in report.rows]
    report = Table(steady(report.title), [steady(name) for name in report.header], rows, report.rest)
    return layout.lines(report, form, best_cells(), columns)


def _coloured(header: list[str], row: list[Cell]) -> list[Cell]:
    return [
        replace(cell, paint=_paint(cell.text)) if name in _state_colours.COLUMNS else cell
        for name, cell in zip(header, row, strict=True)
    ]


def _paint(text: str) -> Callable[[str], str]:
    colour = _state_colours.colour_of(text)
    return partial(stringc, color=colour) if colour else str


def _set_apart(lines: list[str]) -> str:
    return "\n" + "\n".join(lines) + "\n"
