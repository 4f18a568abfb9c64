# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``summarize`` makes of the rows of a group.

Source: learn.microsoft.com, kusto/query/aggregation-functions: those that public hunting queries use most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from defender_emulator.kusto.cursor import Cursor
from defender_emulator.kusto.expressions import Expressions
from defender_emulator.kusto.tokens import Token, semantic_error
from defender_emulator.kusto.values import BOOL, DYNAMIC, LONG, REAL, SPAN, Expression, Row, ordinal

_MOST_OF_A_SET = 1_048_576


@dataclass(frozen=True)
class Aggregate:
    """Columns (name to kind), and what the rows of a group give for them; ``of_a_row`` are those of one of the rows."""

    columns: dict[str, str]
    values: Callable[[list[Row]], tuple[Any, ...]]
    of_a_row: bool = False


def read_aggregate(cursor: Cursor, expressions: Expressions, columns: dict[str, str], name: str) -> Aggregate:
    """The aggregate that follows; ``name`` is what its column is to be called, if anything is."""
    token = cursor.next("name", "an aggregate function")
    cursor.expect("(")
    if token.spelling not in _AGGREGATES and token.spelling not in _EXTREMES:
        raise semantic_error(f"Unknown aggregate function: '{token.spelling}'", token)
    if token.spelling in _EXTREMES:
        return _extreme(cursor, expressions, columns, token)
    arguments = []
    while not cursor.accept(")"):
        arguments.append(expressions.read())
        if not cursor.accept(",") and cursor.peek().spelling != ")":
            raise cursor.error("',' or ')'")
    least, most, prefix, make = _AGGREGATES[token.spelling]
    if not least <= len(arguments) <= most:
        raise semantic_error(f"Function '{token.spelling}' cannot be called with {len(arguments)} arguments", token)
    kind, value = make(token, arguments)
    about = arguments[0].name if arguments else ""
    return Aggregate({name or f"{prefix}{about}": kind}, lambda rows: (value(rows),))


def _extreme(cursor: Cursor, expressions: Expressions, columns: dict[str, str], token: Token) -> Aggregate:
    """``arg_max(x, *)`` and ``arg_min(x, column, ...)``: of the row where x is most or least."""
    chosen = [expressions.read()]
    everything = False
    while cursor.accept(","):
        if cursor.accept("*"):
            everything = True
        else:
            chosen.append(expressions.read())
    cursor.expect(")")
    first, pick = chosen[0], _EXTREMES[token.spelling]
    shown = {one.name or f"Column{place}": one for place, one in enumerate(chosen, 1)}
    kinds = {name: one.kind for name, one in shown.items()}
    places = [place for place, name in enumerate(columns) if name not in shown] if everything else []
    if everything:
        kinds |= {name: kind for name, kind in columns.items() if name not in shown}
    key = ordinal(first.kind)

    def values(rows: list[Row]) -> tuple[Any, ...]:
        known = [row for row in rows if first.value(row) is not None]
        row = pick(known, key=lambda row: key(first.value(row))) if known else rows[0]
        return (*(one.value(row) for one in shown.values()), *(row[place] for place in places))

    return Aggregate(kinds, values, of_a_row=True)


Made = tuple[str, Callable[[list[Row]], Any]]


def _count(_token: Token, _given: list[Expression]) -> Made:
    return LONG, len


def _countif(token: Token, given: list[Expression]) -> Made:
    _want(token, given[0], (BOOL,))
    return LONG, lambda rows: sum(1 for row in rows if given[0].value(row))


def _dcount(_token: Token, given: list[Expression]) -> Made:
    key = ordinal(given[0].kind)
    return LONG, lambda rows: len({key(value) for value in _known(given[0], rows)})


def _sum(token: Token, given: list[Expression]) -> Made:
    _want(token, given[0], (LONG, REAL, SPAN))
    return given[0].kind, lambda rows: sum(_known(given[0], rows))


def _average(token: Token, given: list[Expression]) -> Made:
    _want(token, given[0], (LONG, REAL))

    def value(rows: list[Row]) -> float | None:
        known = _known(given[0], rows)
        return sum(known) / len(known) if known else None

    return REAL, value


def _least(_token: Token, given: list[Expression]) -> Made:
    return given[0].kind, lambda rows: min(_known(given[0], rows), key=ordinal(given[0].kind), default=None)


def _most(_token: Token, given: list[Expression]) -> Made:
    return given[0].kind, lambda rows: max(_known(given[0], rows), key=ordinal(given[0].kind), default=None)


def _list(token: Token, given: list[Expression]) -> Made:
    most = _size(token, given)
    return DYNAMIC, lambda rows: _known(given[0], rows)[:most]


def _set(token: Token, given: list[Expression]) -> Made:
    most, key = _size(token, given), ordinal(given[0].kind)
    return DYNAMIC, lambda rows: list({key(value): value for value in _known(given[0], rows)}.values())[:most]


def _any(_token: Token, given: list[Expression]) -> Made:
    return given[0].kind, lambda rows: given[0].value(rows[0]) if rows else None


def _known(one: Expression, rows: list[Row]) -> list[Any]:
    return [value for row in rows if (value := one.value(row)) is not None]


def _size(token: Token, given: list[Expression]) -> int:
    if len(given) == 1:
        return _MOST_OF_A_SET
    _want(token, given[1], (LONG,))
    return max(0, int(given[1].value(()))) if given[1].constant else _MOST_OF_A_SET


def _want(token: Token, one: Expression, kinds: tuple[str, ...]) -> None:
    if one.kind not in kinds:
        raise semantic_error(f"Function '{token.spelling}' cannot be called with {one.kind}", one.token)


_EXTREMES: dict[str, Callable[..., Row]] = {"arg_max": max, "arg_min": min}
_AGGREGATES: dict[str, tuple[int, int, str, Callable[[Token, list[Expression]], Made]]] = {
    "count": (0, 0, "count_", _count),
    "countif": (1, 1, "countif_", _countif),
    "dcount": (1, 2, "dcount_", _dcount),
    "sum": (1, 1, "sum_", _sum),
    "avg": (1, 1, "avg_", _average),
    "min": (1, 1, "min_", _least),
    "max": (1, 1, "max_", _most),
    "make_list": (1, 2, "list_", _list),
    "make_set": (1, 2, "set_", _set),
    "take_any": (1, 1, "", _any),
    "any": (1, 1, "any_", _any),
}
