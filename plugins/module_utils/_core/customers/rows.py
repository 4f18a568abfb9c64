# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of a customer list, from CSV or from YAML, each with the line that it begins in."""

from __future__ import annotations

import csv
import functools
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..characters import named
from ..dependencies import yaml

_DELIMITERS = (",", ";", "\t", "|")
# an alias is written out for each use: a few lines of aliases of aliases would fill the memory
_MOST_REPEATED = 1_000_000
_QUOTED = re.compile(r'"[^"]*"')
# what Excel reads, and some exports write for it, in front of the table
_DELIMITER_LINE = re.compile(r'\A"?sep=([^"\s]|\t|\\t)"?[ \t;,]*(?=[\r\n]|\Z)', re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """Cells by header, without empty ones, and the text of those that are no list or mapping, as it was written.

    `line` counts from 1.
    """

    line: int
    cells: Mapping[str, object]
    written: dict[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Table:
    """A list as it was written: every header in the order of appearance, and the rows."""

    headers: list[str]
    rows: list[Row]


def from_csv(text: str) -> Table:
    """Return the table in a CSV text, whichever of the usual delimiters it uses; blank lines are skipped.

    A first line such as `sep=;` names the delimiter. Raises ValueError with what is wrong, and where.
    """
    if told := _DELIMITER_LINE.match(text):
        delimiter = "\t" if told[1] == "\\t" else told[1]
        # its line stays, so that all others keep their numbers
        text = text[told.end() :]
    else:
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
        if cells[: len(headers)] == headers:
            raise ValueError(f"line {line} is the first line again: remove it")
        found = {header: cell for header, cell in zip(headers, cells, strict=False) if cell}
        rows.append(Row(line, found, found))
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
        raise ValueError(f"it is not CSV from line {line} on ({error}): correct its quotes there") from None


def from_yaml(text: str) -> Table:
    """Return the table in a YAML text: a list of mappings. Raises ValueError with what is wrong, and where.

    Of plain scalars only those are no text that are none in JSON either: `NO`, `007` and `12:30` stay what they are.
    """
    if strange := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        raise ValueError(f"it is not plain YAML from line {line} on (it has {named(strange[0])}): remove it there")
    loader = _loader()(text)
    try:
        node = loader.get_single_node()
        if getattr(node, "id", None) != "sequence":
            raise ValueError("it is not a list: begin each customer with '- name: '")
        reader = _Reader()
        rows = [reader.row(item) for item in node.value]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" from line {mark.line + 1} on" if mark else ""
        why = " ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None))))
        raise ValueError(f"it is not plain YAML{where} ({why or 'it cannot be read'}): correct it there") from None
    except RecursionError:
        raise ValueError("it is nested too deeply to be a list of customers: write it plainly") from None
    finally:
        loader.dispose()
    return Table(list(dict.fromkeys(header for row in rows for header in (*row.written, *row.cells))), rows)


def finite(text: str) -> float:
    """Return the number that a text is. Raises ValueError for one that is not finite, such as 1e999."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("it has a number without an end: write it as text")
    return number


_TAG = "tag:yaml.org,2002:"
_NUMBER = r"-?(?:0|[1-9][0-9]*)"
_PLAIN = {
    "bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"),
    "null": (re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    "int": (re.compile(rf"^{_NUMBER}$"), "-0123456789"),
    "float": (re.compile(rf"^{_NUMBER}\.[0-9]+(?:[eE][-+]?[0-9]+)?$"), "-0123456789"),
}
_VALUES: dict[str, Callable[[str], Any]] = {
    f"{_TAG}str": str,
    f"{_TAG}bool": lambda text: text.lower() == "true",
    f"{_TAG}null": lambda _text: None,
    f"{_TAG}int": int,
    f"{_TAG}float": finite,
}


@functools.cache
def _loader() -> Any:
    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, object]] = {}

    for tag, (pattern, beginnings) in _PLAIN.items():
        Loader.add_implicit_resolver(f"{_TAG}{tag}", pattern, list(beginnings))
    return Loader


class _Reader:
    """Reads the nodes of one YAML text into the terms of JSON, which is how inventories are stored."""

    def __init__(self) -> None:
        self._seen: set[object] = set()
        self._repeated = 0

    def row(self, node: Any) -> Row:
        line = node.start_mark.line + 1
        if node.id != "mapping":
            raise ValueError(f"line {line} is not a customer: write '- name: ', and its tenant_id below")
        cells = self._value(node, ())
        written = {key.value: value.value for key, value in node.value if value.id == "scalar" and value.value}
        return Row(line, {key: value for key, value in cells.items() if value not in (None, "")}, written)

    def _value(self, node: Any, within: tuple[Any, ...]) -> Any:
        """Return a value. `within` are the nodes around it."""
        line = node.start_mark.line + 1
        if node in within:
            raise ValueError(f"line {line} holds itself: write its values out")
        self._count(node)
        if node.tag.startswith("!"):
            raise ValueError(
                f"it is not plain YAML from line {line} on (the tag {node.tag} has no meaning here): remove it"
            )
        if node.tag == f"{_TAG}seq":
            return [self._value(member, (*within, node)) for member in node.value]
        if node.tag == f"{_TAG}map":
            return self._mapping(node, within)
        try:
            return _VALUES[node.tag](node.value)
        except (KeyError, ValueError, TypeError):
            raise ValueError(
                f"line {line} has a value that is neither text, number, list nor mapping: write it as text"
            ) from None

    def _mapping(self, node: Any, within: tuple[Any, ...]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.id != "scalar":
                raise ValueError(f"line {line} has a name that is not a text: correct it")
            self._count(key)
            if key.value == "<<":
                raise ValueError(f"line {line} merges another mapping ('<<'): write its values out")
            if key.value in found:
                raise ValueError(f"line {line} names '{key.value}' again: remove one of the two")
            found[key.value] = self._value(value, (*within, node))
        return found

    def _count(self, node: Any) -> None:
        """Raise ValueError once more characters and values are repeated by aliases than a list can mean."""
        if node in self._seen:
            self._repeated += 1 + (len(node.value) if node.id == "scalar" else 0)
            if self._repeated > _MOST_REPEATED:
                line = node.start_mark.line + 1
                raise ValueError(f"line {line} is repeated too often by aliases ('*'): write out what is meant")
        self._seen.add(node)
