# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay rows out as a text that a person reads at the end of a run."""

from __future__ import annotations

from .._core import layout
from .._core.characters import plain
from .._core.layout import Cell, Table
from .._core.results import Result
from .operation import Operation, OptionSpec
from .task_context import Params, TaskContext

ARGUMENTS: dict[str, OptionSpec] = {
    "title": {"type": "str"},
    "rows": {"type": "list", "elements": "dict", "required": True},
    "columns": {"type": "list", "elements": "str", "required": True},
    "layout": {"type": "str", "choices": [layout.TABLE, layout.LIST], "default": layout.TABLE},
    "most": {"type": "int"},
}


class ReportResult(Result, total=False):
    """The report, line by line."""

    lines: list[str]


def run(task: TaskContext) -> ReportResult:
    """Return the report as `lines`, which have no end of their own: each cell is on one."""
    return {"changed": False, "lines": layout.lines(table(task.params), task.params["layout"])}


def table(params: Params) -> Table:
    """Return the texts of the report; a column named `who_acts` is headed `who acts`."""
    columns, most = params["columns"], params["most"]
    header = [_text(column.replace("_", " ")) for column in columns]
    rows = [[Cell(_text(row.get(column))) for column in columns] for row in params["rows"]]
    if most is None or len(rows) <= most:
        return Table(_text(params["title"]), header, rows)
    return Table(_text(params["title"]), header, rows[:most], f"and {len(rows) - most} more (with -v all are shown)")


def _text(value: object) -> str:
    """Return a cell on one line; an incident's title must not be able to steer the operator's terminal."""
    return "" if value is None else plain(str(value)).strip()


OPERATION = Operation(ARGUMENTS, run=run, returns=ReportResult)
