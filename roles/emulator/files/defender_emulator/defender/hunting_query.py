# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small part of the Kusto query language, enough to hunt in the emulator's tables.

    SOURCE | OPERATOR | ...
    SOURCE    a table, or: range NAME from N to N step N
    OPERATOR  where COLUMN ==|!=|contains|has LITERAL      project COLUMN, ...       extend NAME = LITERAL
              take|limit N      count      summarize count() by COLUMN      top N by COLUMN [asc|desc]

Whatever else Kusto knows is refused as a syntax error that names the place. Source: learn.microsoft.com, kusto/query.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from defender_emulator import timestamps
from defender_emulator.defender.hunting_tokens import HuntingError, Token, semantic_error, syntax_error, tokenize

# The service stops a query that costs too much; it names no number of rows.
_MOST_RANGE = 1_000_000
_TOO_COSTLY = (
    "Query execution has exceeded the allowed limits. The query execution was preempted. "
    "Optimize your query by following best practices and try again."
)

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """Columns (name to type: ``DateTime``, ``Int64`` or ``String``), and rows that are read once."""

    columns: dict[str, str]
    rows: Iterable[Row]


def run_query(query: str, tables: Callable[[str], Table | None]) -> Table:
    """The rows that the query asks for. ``tables`` finds a table by its name.

    Raises:
        HuntingError: the query is malformed, names something that is not there, or costs too much.
    """
    return _Query(query, tables).run()


class _Query:
    def __init__(self, text: str, tables: Callable[[str], Table | None]) -> None:
        self._text = text
        self._tables = tables
        self._tokens = tokenize(text)
        self._position = 0
        self._operator = self._tokens[0]
        self._operators: dict[str, Callable[[Table], Table]] = {
            "where": self._where,
            "take": self._take,
            "limit": self._take,
            "count": self._count,
            "project": self._project,
            "extend": self._extend,
            "summarize": self._summarize,
            "top": self._top,
        }

    def run(self) -> Table:
        table = self._range() if self._accept("range") else self._table()
        while self._accept("|"):
            self._operator = self._next("name", "a query operator")
            operator = self._operators.get(self._operator.spelling)
            if operator is None:
                raise syntax_error(self._text, self._operator, f"one of {', '.join(self._operators)}")
            table = operator(table)
        if self._peek().kind != "end":
            raise syntax_error(self._text, self._peek(), "'|' or the end of the query")
        return table

    def _table(self) -> Table:
        token = self._next("name", "a table")
        table = self._tables(token.spelling)
        if table is None:
            raise semantic_error(f"Failed to resolve table or column expression named '{token.spelling}'", token)
        return table

    def _range(self) -> Table:
        name = self._next("name", "the name of a column").spelling
        bounds = []
        for word in ("from", "to", "step"):
            self._expect(word)
            bounds.append(self._number())
        first, last, step = bounds
        if step < 1:
            raise syntax_error(self._text, self._tokens[self._position - 1], "a step of at least 1")
        numbers = range(first, last + 1, step)
        if len(numbers) > _MOST_RANGE:
            raise HuntingError(_TOO_COSTLY)
        return Table({name: "Int64"}, ((number,) for number in numbers))

    def _where(self, table: Table) -> Table:
        column, index = self._column(table)
        operator = self._peek()
        if operator.spelling not in _COMPARISONS:
            raise syntax_error(self._text, operator, f"one of {', '.join(_COMPARISONS)}")
        self._position += 1
        literal = self._literal()
        kind = table.columns[column.spelling]
        if kind != ("Int64" if literal.kind == "number" else "String"):
            problem = f"'where' operator: Cannot compare values of type {kind} with a {literal.kind}"
            raise semantic_error(problem, literal)
        if literal.kind == "number" and operator.kind == "name":
            raise semantic_error(f"'where' operator: '{operator.spelling}' cannot be applied to numbers", operator)
        matches = _COMPARISONS[operator.spelling](literal.value)
        return Table(table.columns, (row for row in table.rows if matches(row[index])))

    def _take(self, table: Table) -> Table:
        return Table(table.columns, itertools.islice(table.rows, max(0, self._number())))

    def _count(self, table: Table) -> Table:
        return Table({"Count": "Int64"}, [(sum(1 for _row in table.rows),)])

    def _project(self, table: Table) -> Table:
        chosen = [self._column(table)]
        while self._accept(","):
            chosen.append(self._column(table))
        columns = {token.spelling: table.columns[token.spelling] for token, _index in chosen}
        places = list(dict.fromkeys(index for _token, index in chosen))
        return Table(columns, (tuple(row[place] for place in places) for row in table.rows))

    def _extend(self, table: Table) -> Table:
        name = self._next("name", "the name of a column").spelling
        self._expect("=")
        literal = self._literal()
        columns = {**table.columns, name: "Int64" if literal.kind == "number" else "String"}
        if name not in table.columns:
            return Table(columns, ((*row, literal.value) for row in table.rows))
        place = list(table.columns).index(name)
        return Table(columns, ((*row[:place], literal.value, *row[place + 1 :]) for row in table.rows))

    def _summarize(self, table: Table) -> Table:
        for word in ("count", "(", ")", "by"):
            self._expect(word)
        column, index = self._column(table)
        counted = Counter(row[index] for row in table.rows)
        name = "count_" if column.spelling != "count_" else "count_1"
        return Table({column.spelling: table.columns[column.spelling], name: "Int64"}, counted.items())

    def _top(self, table: Table) -> Table:
        number = max(0, self._number())
        self._expect("by")
        column, index = self._column(table)
        ascending = self._accept("asc")
        if not ascending:
            self._accept("desc")
        # Moments have different numbers of digits: the order of the texts is not that of the moments.
        value = timestamps.read if table.columns[column.spelling] == "DateTime" else lambda plain: plain
        ordered = sorted(table.rows, key=lambda row: value(row[index]), reverse=not ascending)
        return Table(table.columns, ordered[:number])

    def _column(self, table: Table) -> tuple[Token, int]:
        token = self._next("name", "the name of a column")
        if token.spelling not in table.columns:
            operator = f"'{self._operator.spelling}' operator"
            raise semantic_error(f"{operator}: Failed to resolve scalar expression named '{token.spelling}'", token)
        return token, list(table.columns).index(token.spelling)

    def _literal(self) -> Token:
        if self._peek().kind not in ("text", "number"):
            raise syntax_error(self._text, self._peek(), "a text or a number")
        self._position += 1
        return self._tokens[self._position - 1]

    def _number(self) -> int:
        return int(self._next("number", "a number").value)

    def _peek(self) -> Token:
        return self._tokens[self._position]

    def _next(self, kind: str, expected: str) -> Token:
        token = self._peek()
        if token.kind != kind:
            raise syntax_error(self._text, token, expected)
        self._position += 1
        return token

    def _accept(self, spelling: str) -> bool:
        if self._peek().spelling == spelling:
            self._position += 1
            return True
        return False

    def _expect(self, spelling: str) -> None:
        if not self._accept(spelling):
            raise syntax_error(self._text, self._peek(), f"'{spelling}'")


def _contains(part: Any) -> Callable[[Any], bool]:
    return lambda value: part.casefold() in value.casefold()


def _has(term: Any) -> Callable[[Any], bool]:
    # A term is a run of letters and digits; the text must have it whole.
    found = re.compile(rf"(?<![^\W_]){re.escape(term)}(?![^\W_])", re.IGNORECASE).search
    return lambda value: found(value) is not None


_COMPARISONS: dict[str, Callable[[Any], Callable[[Any], bool]]] = {
    "==": lambda expected: lambda value: bool(value == expected),
    "!=": lambda expected: lambda value: bool(value != expected),
    "contains": _contains,
    "has": _has,
}
