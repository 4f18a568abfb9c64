# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay rows out as a table of text that a person reads at the end of a run."""

from __future__ import annotations

from .._core.characters import plain
from .._core.results import Result
from .operation import Operation, OptionSpec
from .task_context import TaskContext

ARGUMENTS: dict[str, OptionSpec] = {
    "title": {"type": "str"},
    "layout": {"type": "str", "default": "table"},
    "rows": {"type": "list", "elements": "dict", "required": True},
    "columns": {"type": "list", "elements": "str", "required": True},
}

_GAP = "   "


class ReportResult(Result, total=False):
    """The table, line by line."""

    lines: list[str]


def run(task: TaskContext) -> ReportResult:
    """Return the table as `lines`; a column name `who_acts` is headed `who acts`. Without rows it is the title."""
    columns, title = task.params["columns"], task.params["title"]
    if not task.params["rows"]:
        return {"changed": False, "lines": [title] if title else []}
    header = [column.replace("_", " ") for column in columns]
    cells = [header] + [[_text(row.get(column)) for column in columns] for row in task.params["rows"]]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    lines = [_GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return {"changed": False, "lines": ([title, ""] if title else []) + lines}


def _text(value: object) -> str:
    """Return a cell on one line; an incident's title must not be able to steer the operator's terminal."""
    return "" if value is None else plain(str(value)).strip()


OPERATION = Operation(ARGUMENTS, run=run, returns=ReportResult)
