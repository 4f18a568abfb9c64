# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expressions of a hunting query: read from its words, by descent, into functions of a row.

    EXPRESSION  AND or ...          AND      COMPARISON and ...
    COMPARISON  SUM [OPERATOR SUM]  SUM      PRODUCT +|- ...        PRODUCT  VALUE *|/|% ...
    VALUE       a literal, a column, a name that `let` gave, FUNCTION(...), (EXPRESSION), -VALUE

Source: learn.microsoft.com, kusto/query.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from defender_emulator import timestamps
from defender_emulator.kusto import functions
from defender_emulator.kusto.cursor import Cursor
from defender_emulator.kusto.predicates import (
    COMPARISONS,
    LIST_OPERATORS,
    TEXT_OPERATORS,
    between,
    compare,
    compare_list,
    compare_texts,
    matches_regex,
)
from defender_emulator.kusto.tokens import Token, semantic_error
from defender_emulator.kusto.values import (
    BOOL,
    DYNAMIC,
    LONG,
    MOMENT,
    NUMBERS,
    REAL,
    SPAN,
    STRING,
    Expression,
    Row,
    Table,
    nothing,
    ordinal,
)

_LITERALS = {"text": STRING, "number": LONG, "real": REAL, "span": SPAN}
_BOOLS = {"true": True, "false": False}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}
# Beyond this many digits a number means nothing.
_LARGEST = 10**30


@dataclass
class Scope:
    """What a query knows beside the columns: the moment it runs at, names of ``let``, and how to read a table."""

    now: int
    tables: Callable[[str], Table | None]
    subquery: Callable[[], Table]
    scalars: dict[str, Expression] = field(default_factory=dict)

    def is_table(self, cursor: Cursor) -> bool:
        """Whether a table follows: its name, or a query in parentheses."""
        ahead = 0
        while cursor.peek(ahead).spelling == "(":
            ahead += 1
        token = cursor.peek(ahead)
        is_source = token.spelling in ("range", "materialize") or self.tables(token.spelling) is not None
        return token.kind == "name" and token.spelling not in self.scalars and is_source


class Expressions:
    """Reads the expressions of one operator, whose rows have these columns."""

    def __init__(self, cursor: Cursor, scope: Scope, columns: dict[str, str], operator_name: str) -> None:
        self._cursor = cursor
        self._scope = scope
        self._columns = columns
        self._places = {name: place for place, name in enumerate(columns)}
        self._operator = operator_name

    def read(self) -> Expression:
        """The expression that follows."""
        with self._cursor.nested():
            return self._joined("or", self._conjunction, any)

    def column(self) -> Expression:
        """The column that follows. HuntingError when there is none of that name."""
        token = self._cursor.next("name", "the name of a column")
        if token.spelling not in self._columns:
            raise self.unresolved(token)
        return self._column(token)

    def unresolved(self, token: Token) -> Exception:
        """What is said about a name that nothing has."""
        problem = f"'{self._operator}' operator: Failed to resolve scalar expression named '{token.spelling}'"
        return semantic_error(problem, token)

    def _column(self, token: Token) -> Expression:
        kind = self._columns[token.spelling]
        return Expression(kind, operator.itemgetter(self._places[token.spelling]), token, token.spelling)

    def _conjunction(self) -> Expression:
        return self._joined("and", self._comparison, all)

    def _joined(self, word: str, part: Callable[[], Expression], every: Callable[[Any], bool]) -> Expression:
        parts = [part()]
        while self._cursor.accept(word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        for one in parts:
            if one.kind != BOOL:
                raise semantic_error(f"'{word}' operator: expects conditions, not {one.kind}", one.token)
        values = [one.value for one in parts]
        return Expression(BOOL, lambda row: every(value(row) for value in values), parts[0].token)

    def _comparison(self) -> Expression:
        left = self._sum()
        token = self._cursor.peek()
        if token.kind not in ("name", "mark"):
            return left
        if token.spelling in COMPARISONS:
            self._cursor.take()
            return compare(token, left, self._sum())
        if token.spelling in TEXT_OPERATORS:
            self._cursor.take()
            return compare_texts(token, left, self._sum())
        if token.spelling in LIST_OPERATORS:
            self._cursor.take()
            return compare_list(token, left, self._list())
        if token.spelling in ("between", "!between"):
            self._cursor.take()
            return self._between(token, left)
        if token.spelling == "matches":
            self._cursor.take()
            self._cursor.expect("regex")
            return matches_regex(token, left, self._value())
        return left

    def _between(self, token: Token, left: Expression) -> Expression:
        self._cursor.expect("(")
        lower = self._sum()
        self._cursor.expect("..")
        upper = self._sum()
        self._cursor.expect(")")
        return between(token, left, lower, upper)

    def _list(self) -> list[Expression]:
        """Values in parentheses, or a table whose first column has them."""
        self._cursor.expect("(")
        if not self._scope.is_table(self._cursor):
            return self._arguments()
        token, table = self._cursor.peek(), self._scope.subquery()
        self._cursor.expect(")")
        if not table.columns:
            return []
        values = list({row[0]: None for row in table.rows})
        kind = next(iter(table.columns.values()))
        return [_constant(kind, value, token) for value in values]

    def _arguments(self) -> list[Expression]:
        """What stands between an open parenthesis and its end."""
        arguments: list[Expression] = []
        if self._cursor.accept(")"):
            return arguments
        arguments.append(self.read())
        while self._cursor.accept(","):
            arguments.append(self.read())
        self._cursor.expect(")")
        return arguments

    def _sum(self) -> Expression:
        return self._calculated(("+", "-"), self._product)

    def _product(self) -> Expression:
        return self._calculated(("*", "/", "%"), self._value)

    def _calculated(self, marks: tuple[str, ...], part: Callable[[], Expression]) -> Expression:
        first = result = part()
        steps: list[tuple[Callable[[Any, Any], Any], Callable[[Row], Any]]] = []
        kind, constant = first.kind, first.constant
        while self._cursor.peek().kind == "mark" and self._cursor.peek().spelling in marks:
            token, other = self._cursor.take(), part()
            step, kind = _step(token, kind, other)
            steps.append((step, other.value))
            constant = constant and other.constant

        def value(row: Row) -> Any:
            one = first.value(row)
            for step, other in steps:
                another = other(row)
                one = None if one is None or another is None else step(one, another)
            return one

        return Expression(kind, value, first.token, constant=constant) if steps else result

    def _value(self) -> Expression:
        token = self._cursor.peek()
        if token.kind in _LITERALS:
            self._cursor.take()
            return _constant(_LITERALS[token.kind], token.value, token)
        if token.kind == "moment":
            self._cursor.take()
            return _constant(MOMENT, timestamps.write(token.value), token)
        if token.spelling == "(" or token.spelling == "-":
            return self._enclosed(self._cursor.take())
        if token.kind != "name":
            raise self._cursor.error("a column, a literal or a function")
        self._cursor.take()
        if self._cursor.peek().spelling == "(":
            return self._call(token)
        if token.spelling in self._columns:
            return self._column(token)
        if token.spelling in _BOOLS:
            return _constant(BOOL, _BOOLS[token.spelling], token)
        if token.spelling in self._scope.scalars:
            return self._scope.scalars[token.spelling]
        raise self.unresolved(token)

    def _enclosed(self, token: Token) -> Expression:
        if token.spelling == "(":
            inner = self.read()
            self._cursor.expect(")")
            return inner
        with self._cursor.nested():
            inner = self._value()
        if inner.kind not in (*NUMBERS, SPAN):
            raise semantic_error(f"'-' operator: cannot be applied to {inner.kind}", inner.token)
        given = inner.value

        def negative(row: Row) -> Any:
            value = given(row)
            return None if value is None else -value

        return Expression(inner.kind, negative, token, constant=inner.constant)

    def _call(self, token: Token) -> Expression:
        self._cursor.expect("(")
        if token.spelling == "dynamic":
            return self._dynamic(token)
        if token.spelling == "toscalar":
            return self._first_value(token)
        return functions.call(token, self._arguments(), self._scope.now)

    def _first_value(self, token: Token) -> Expression:
        table = self._scope.subquery()
        self._cursor.expect(")")
        kind = next(iter(table.columns.values()), STRING)
        row = next(iter(table.rows), None)
        return _constant(kind, row[0] if row else nothing(kind), token)

    def _dynamic(self, token: Token) -> Expression:
        values = []
        self._cursor.expect("[")
        while not self._cursor.accept("]"):
            literal = self._cursor.take()
            if literal.kind not in ("text", "number", "real"):
                raise self._cursor.error("a text or a number", literal)
            values.append(literal.value)
            if not self._cursor.accept(",") and self._cursor.peek().spelling != "]":
                raise self._cursor.error("',' or ']'")
        self._cursor.expect(")")
        return _constant(DYNAMIC, values, token)


def _constant(kind: str, value: Any, token: Token) -> Expression:
    return Expression(kind, lambda _row: value, token, constant=True)


def _step(token: Token, kind: str, other: Expression) -> tuple[Callable[[Any, Any], Any], str]:
    """How to calculate with a value of ``kind`` and another one, and the kind of what comes of it."""
    mark, pair = token.spelling, (kind, other.kind)
    calculate = _ARITHMETIC[mark]
    if pair == (MOMENT, MOMENT) and mark == "-":
        ticks = ordinal(MOMENT)
        return lambda one, another: ticks(one) - ticks(another), SPAN
    if pair == (MOMENT, SPAN) and mark in ("+", "-"):
        ticks = ordinal(MOMENT)
        return lambda one, another: timestamps.write(calculate(ticks(one), another)), MOMENT
    if pair == (SPAN, MOMENT) and mark == "+":
        ticks = ordinal(MOMENT)
        return lambda one, another: timestamps.write(one + ticks(another)), MOMENT
    if pair == (SPAN, SPAN) and mark == "/":
        return _bounded(operator.truediv), REAL
    if pair == (SPAN, SPAN) and mark in ("+", "-", "%"):
        return _bounded(calculate), SPAN
    if set(pair) == {SPAN, LONG} and mark == "*":
        return _bounded(calculate), SPAN
    if pair == (LONG, LONG):
        return _bounded(operator.floordiv if mark == "/" else calculate), LONG
    if set(pair) <= NUMBERS:
        return _bounded(calculate), REAL
    raise semantic_error(f"'{mark}' operator: cannot be applied to {kind} and {other.kind}", other.token)


def _bounded(calculate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Nothing comes of a division by nothing, and of what is beyond all bounds."""

    def value(one: Any, another: Any) -> Any:
        try:
            result = calculate(one, another)
        except ArithmeticError:
            return None
        return result if abs(result) < _LARGEST else None

    return value
