# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of a customer list in JSON, each with the line that it begins in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..characters import named
from .rows import Row, Table, finite

_BLANK = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True)
class _Number:
    """A number, and how it was written: `1.10` may be a name."""

    text: str
    value: float


def from_json(text: str) -> Table:
    """Return the table in a JSON text: a list of objects. Raises ValueError with what is wrong, and where."""
    try:
        rows = [_row(line, member) for line, member in _members(text)]
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON from line {error.lineno} on ({error.msg}): correct it there") from None
    except RecursionError:
        raise ValueError("it is nested too deeply to be a list of customers: write it plainly") from None
    return Table(list(dict.fromkeys(header for row in rows for header in row.cells)), rows)


def _members(text: str) -> Iterator[tuple[int, Any]]:
    """Return the members of the list, each with its line, which the decoder of a whole text does not tell."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_object, parse_int=_number(int), parse_float=_number(finite), parse_constant=finite
    )
    position = _next(text, 0)
    if not text.startswith("[", position):
        raise ValueError("it is not a list: begin it with [ and write each customer in { }")
    line, counted = 1, 0
    position = _next(text, position + 1)
    is_closed = text.startswith("]", position)
    while not is_closed:
        line += text.count("\n", counted, position)
        counted = position
        member, end = decoder.raw_decode(text, position)
        yield line, member
        position = _next(text, end)
        is_closed = text.startswith("]", position)
        if not is_closed:
            if not text.startswith(",", position):
                raise json.JSONDecodeError("Expecting ',' delimiter", text, position)
            position = _next(text, position + 1)
    if (end := _next(text, position + 1)) < len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _next(text: str, position: int) -> int:
    """Return where the next character stands that is not blank."""
    blanks = _BLANK.match(text, position)
    return blanks.end() if blanks else position


def _number(kind: Callable[[str], float]) -> Callable[[str], _Number]:
    return lambda text: _Number(text, kind(text))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"an object in it names '{name}' twice: remove one of the two")
        found[name] = value
    return found


def _row(line: int, member: object) -> Row:
    if not isinstance(member, dict):
        raise ValueError(f'line {line} is not a customer: write {{"name": , and its tenant_id')  # noqa: TRY004
    try:
        cells = {name: value for name, value in _value(member).items() if value not in (None, "")}
    except ValueError as error:
        raise ValueError(f"the customer of line {line} {error}") from None
    return Row(line, cells, {name: text for name in cells if (text := _written(member[name])) is not None})


def _written(value: object) -> str | None:
    """Return the text of what is neither a list nor an object."""
    if isinstance(value, _Number):
        return value.text
    if isinstance(value, bool):
        return json.dumps(value)
    return value if isinstance(value, str) else None


def _value(value: Any) -> Any:
    """Return a value with its numbers. Raises ValueError for half a character, which no file could hold."""
    if isinstance(value, dict):
        return {_value(name): _value(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_value(member) for member in value]
    if isinstance(value, str) and (half := _SURROGATE.search(value)):
        raise ValueError(f"has {named(half[0])} without its other half: correct that character")
    return value.value if isinstance(value, _Number) else value
