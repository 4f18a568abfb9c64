# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of a customer list, from CSV or from YAML, each with the line that it begins in."""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..dependencies import yaml

_DELIMITERS = (",", ";", "\t", "|")
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Row:
    """Cells by header, without empty ones. `line` counts from 1."""

    line: int
    cells: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A list as it was written: every header in the order of appearance, and the rows."""

    headers: list[str]
    rows: list[Row]


def from_csv(text: str) -> Table:
    """Return the table in a CSV text, whichever of the usual delimiters it uses; blank lines are skipped.

    Raises ValueError with what is wrong, and where.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=_QUOTED.sub("", first).count)
    records = _records(text, delimiter)
    _line, headers = next(records, (1, []))
    while headers and not headers[-1]:
        headers.pop()
    if not all(headers) or not headers:
        raise ValueError("its first line must name every column")
    if twice := sorted({header for header in headers if headers.count(header) > 1}):
        raise ValueError(f"its first line names {', '.join(map(repr, twice))} twice: rename one of them")
    rows = []
    for line, cells in records:
        if any(cells[len(headers) :]):
            raise ValueError(f"line {line} has more cells than the first line has columns: quote or remove the rest")
        rows.append(Row(line, {header: cell for header, cell in zip(headers, cells, strict=False) if cell}))
    return Table(headers, rows)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    # strict: a quote that is never closed would swallow the customers behind it
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for record in reader:
            cells = [cell.strip() for cell in record]
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"it is no CSV from line {line} on ({error}): correct its quotes there") from None


def from_yaml(text: str) -> Table:
    """Return the table in a YAML or JSON text: a list of mappings. Raises ValueError with what is wrong, and where."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if getattr(node, "id", None) != "sequence":
            raise ValueError("it is not a list: begin each customer with '- name: '")
        rows = [Row(item.start_mark.line + 1, _mapping(loader, item)) for item in node.value]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" from line {mark.line + 1} on" if mark else ""
        why = getattr(error, "problem", None) or "it cannot be read"
        raise ValueError(f"it is no plain YAML{where} ({why}): correct it there") from None
    finally:
        loader.dispose()
    return Table(list(dict.fromkeys(header for row in rows for header in row.cells)), rows)


def _mapping(loader: Any, node: Any) -> dict[str, Any]:
    line = node.start_mark.line + 1
    if node.id != "mapping":
        raise ValueError(f"line {line} is no customer: write '- name: ', and its tenant_id below")
    cells: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        if key in cells:
            raise ValueError(f"line {key_node.start_mark.line + 1} names '{key}' again: remove one of the two")
        cells[key] = _plain(loader.construct_object(value_node, deep=True), value_node.start_mark.line + 1)
    return {key: value for key, value in cells.items() if value not in (None, "")}


def _plain(value: Any, line: int) -> Any:
    """Return the value in the terms of JSON, which is how inventories are stored."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(member, line) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member, line) for member in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise ValueError(f"line {line} has a value that is neither text, number, list nor mapping: write it as text")
