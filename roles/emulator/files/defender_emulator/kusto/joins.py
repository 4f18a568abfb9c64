# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two tables of a hunting query joined by equal values. Source: learn.microsoft.com, kusto/query/join-operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from defender_emulator.kusto.tokens import HuntingError, Token, semantic_error
from defender_emulator.kusto.values import Row, Table, are_comparable, nothing, ordinal

# The service stops a query that costs too much; it names no number of rows.
MOST_ROWS = 1_000_000
TOO_COSTLY = (
    "Query execution has exceeded the allowed limits. The query execution was preempted. "
    "Optimize your query by following best practices and try again."
)
_ONLY_LEFT = {"leftsemi": True, "leftanti": False, "anti": False, "leftantisemi": False}
KINDS = ("innerunique", "inner", "leftouter", *_ONLY_LEFT)

Pair = tuple[Token, str, str]


def join(left: Table, right: Table, kind: str, pairs: list[Pair]) -> Table:
    """The tables joined where the left and the right column of each pair are equal."""
    left_key, right_key = _keys(left, right, pairs)
    found: dict[Any, list[Row]] = {}
    for row in right.rows:
        found.setdefault(right_key(row), []).append(row)
    if kind in _ONLY_LEFT:
        wanted = _ONLY_LEFT[kind]
        return Table(left.columns, (row for row in left.rows if (left_key(row) in found) is wanted))
    columns = dict(left.columns)
    for name, column_kind in right.columns.items():
        columns[unused(name, columns)] = column_kind
    empty = tuple(nothing(column_kind) for column_kind in right.columns.values())
    return Table(columns, _limited(_rows(left, left_key, found, kind, empty)))


def unused(name: str, taken: dict[str, str]) -> str:
    """The name, or if a column has it, the name with the first number that makes it another."""
    number, candidate = 0, name
    while candidate in taken:
        number += 1
        candidate = f"{name}{number}"
    return candidate


def _rows(
    left: Table, left_key: Callable[[Row], Any], found: dict[Any, list[Row]], kind: str, empty: Row
) -> Iterator[Row]:
    seen = set()
    for row in left.rows:
        key = left_key(row)
        if kind == "innerunique":
            if key in seen:
                continue
            seen.add(key)
        matches = found.get(key, [])
        if kind == "leftouter" and not matches:
            yield (*row, *empty)
        for match in matches:
            yield (*row, *match)


def _limited(rows: Iterator[Row]) -> Iterator[Row]:
    for number, row in enumerate(rows):
        if number >= MOST_ROWS:
            raise HuntingError(TOO_COSTLY)
        yield row


def _keys(left: Table, right: Table, pairs: list[Pair]) -> tuple[Callable[[Row], Any], Callable[[Row], Any]]:
    parts = []
    for token, ours, theirs in pairs:
        for name, table in ((ours, left), (theirs, right)):
            if name not in table.columns:
                raise semantic_error(f"'join' operator: Failed to resolve scalar expression named '{name}'", token)
        kind = left.columns[ours]
        if not are_comparable(kind, right.columns[theirs]):
            raise semantic_error("'join' operator: the columns are of different types", token)
        places = list(left.columns).index(ours), list(right.columns).index(theirs)
        parts.append((places, ordinal(kind)))
    return (
        lambda row: tuple(key(row[places[0]]) for places, key in parts),
        lambda row: tuple(key(row[places[1]]) for places, key in parts),
    )
