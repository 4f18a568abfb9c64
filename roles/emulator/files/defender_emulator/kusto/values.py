# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of values in a hunting query, how they compare, and the tables made of them.

A moment is kept as the text that the service shows, because the number of its digits is part of the answer; a span is
kept in ticks. What hunting calls a boolean and a dynamic value in a schema is not documented.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from defender_emulator import timestamps
from defender_emulator.kusto.tokens import Token
from defender_emulator.timestamps import SECOND

STRING, LONG, REAL, MOMENT, SPAN = "String", "Int64", "Double", "DateTime", "TimeSpan"
BOOL, DYNAMIC = "SByte", "Object"
NUMBERS = frozenset({LONG, REAL})

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """Columns (name to kind), and rows that are read once."""

    columns: dict[str, str]
    rows: Iterable[Row]


@dataclass(frozen=True)
class Expression:
    """What a row gives; ``name`` is the column that it is, or is called after, and ``token`` where it starts.

    A ``constant`` needs no row.
    """

    kind: str
    value: Callable[[Row], Any]
    token: Token
    name: str = ""
    constant: bool = False


def are_comparable(one: str, other: str) -> bool:
    """Whether values of the two kinds can be compared."""
    return one == other or {one, other} <= NUMBERS


def ordinal(kind: str) -> Callable[[Any], Any]:
    """What stands for a value of the kind where values are compared, put in order or counted."""
    return _ORDINALS.get(kind, _itself)


def nothing(kind: str) -> Any:
    """The value of what is missing: Kusto has no null text."""
    return "" if kind == STRING else None


def as_text(kind: str, value: Any) -> str:
    """A value as a text."""
    if value is None:
        return ""
    if kind == BOOL:
        return str(value).lower()
    if kind == SPAN:
        return write_span(value)
    return json.dumps(value) if kind == DYNAMIC else str(value)


def write_span(ticks: int) -> str:
    """A span as the service writes it: ``1.02:03:04.5000000``."""
    sign, (seconds, fraction) = ("-" if ticks < 0 else ""), divmod(abs(ticks), SECOND)
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{sign}{f'{days}.' if days else ''}{clock}{f'.{fraction:07}' if fraction else ''}"


def as_shown(table: Table) -> Table:
    """The table with its spans as texts."""
    spans = [kind == SPAN for kind in table.columns.values()]
    if not any(spans):
        return table
    rows = (
        tuple(
            write_span(value) if is_span and value is not None else value
            for is_span, value in zip(spans, row, strict=True)
        )
        for row in table.rows
    )
    return Table(table.columns, rows)


@functools.lru_cache(maxsize=65536)
def _read(text: str) -> int:
    return timestamps.read(text)


def _ticks(text: str | None) -> int | None:
    return None if text is None else _read(text)


def _itself(value: Any) -> Any:
    return value


_ORDINALS: dict[str, Callable[[Any], Any]] = {MOMENT: _ticks, DYNAMIC: json.dumps}
