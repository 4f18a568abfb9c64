# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the Kusto query language that public hunting queries use most.

    QUERY     [let NAME = EXPRESSION or PIPELINE;] ... PIPELINE
    PIPELINE  SOURCE | OPERATOR | ...
    SOURCE    a table, a name that `let` gave, (PIPELINE), materialize(PIPELINE), or: range NAME from N to N step N

Whatever else Kusto knows is refused as an error that names the place. Source: learn.microsoft.com, kusto/query.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from defender_emulator.kusto.aggregates import Aggregate, read_aggregate
from defender_emulator.kusto.cursor import TOO_LONG, Cursor
from defender_emulator.kusto.expressions import Expressions, Scope
from defender_emulator.kusto.joins import KINDS, MOST_ROWS, TOO_COSTLY, Pair, join
from defender_emulator.kusto.rows import Order, chosen, distinct, in_order, summarized
from defender_emulator.kusto.tokens import HuntingError, Token, semantic_error
from defender_emulator.kusto.values import (
    BOOL,
    LONG,
    Expression,
    Row,
    Table,
    as_shown,
)

_MOST_OPERATORS = 100
_ENDS = ("|", ")", ";", "")


def run_query(query: str, tables: Callable[[str], Table | None], now: int) -> Table:
    """The rows that the query asks for, at the moment ``now`` in ticks. ``tables`` finds a table by its name.

    Raises:
        HuntingError: the query is malformed, names something that is not there, or costs too much.
    """
    return as_shown(_Query(query, tables, now).run())


class _Query:
    def __init__(self, text: str, tables: Callable[[str], Table | None], now: int) -> None:
        self._cursor = Cursor(text)
        self._given: dict[str, Table] = {}
        self._tables = tables
        self._scope = Scope(now, self._find, self._pipeline)
        self._operators: dict[str, Callable[[Table, Token], Table]] = {
            "where": self._where,
            "filter": self._where,
            "take": self._take,
            "limit": self._take,
            "count": self._count,
            "project": self._project,
            "project-away": self._project_away,
            "project-keep": self._project_keep,
            "project-rename": self._project_rename,
            "project-reorder": self._project_reorder,
            "extend": self._extend,
            "summarize": self._summarize,
            "distinct": self._distinct,
            "top": self._top,
            "sort": self._sort,
            "order": self._sort,
            "join": self._join,
        }

    def run(self) -> Table:
        while self._cursor.accept("let"):
            self._let()
        table = self._pipeline()
        self._cursor.accept(";")
        if self._cursor.peek().kind != "end":
            raise self._cursor.error("'|' or the end of the query")
        return table

    def _let(self) -> None:
        name = self._cursor.next("name", "a name").spelling
        self._cursor.expect("=")
        if self._scope.is_table(self._cursor):
            table = self._pipeline()
            # It may be read more than once.
            self._given[name] = Table(table.columns, list(table.rows))
        else:
            expression = Expressions(self._cursor, self._scope, {}, "let").read()
            value = expression.value(())
            self._scope.scalars[name] = Expression(expression.kind, lambda _row: value, expression.token, constant=True)
        self._cursor.expect(";")

    def _find(self, name: str) -> Table | None:
        return self._given.get(name) or self._tables(name)

    def _pipeline(self) -> Table:
        with self._cursor.nested():
            table = self._source()
            for _turn in range(_MOST_OPERATORS):
                if not self._cursor.accept("|"):
                    return table
                token = self._cursor.next("name", "a query operator")
                operator = self._operators.get(token.spelling)
                if operator is None:
                    raise self._cursor.error(f"one of {', '.join(self._operators)}", token)
                table = operator(table, token)
            raise HuntingError(TOO_LONG)

    def _source(self) -> Table:
        if self._cursor.accept("range"):
            return self._range()
        if self._cursor.peek().spelling == "(" or self._cursor.peek(1).spelling == "(":
            self._cursor.accept("materialize")
            self._cursor.expect("(")
            table = self._pipeline()
            self._cursor.expect(")")
            return table
        token = self._cursor.next("name", "a table")
        found = self._find(token.spelling)
        if found is None:
            raise semantic_error(f"Failed to resolve table or column expression named '{token.spelling}'", token)
        return found

    def _range(self) -> Table:
        name = self._cursor.next("name", "the name of a column").spelling
        bounds = []
        for word in ("from", "to", "step"):
            self._cursor.expect(word)
            place = self._cursor.peek()
            bounds.append(self._number("range"))
        first, last, step = bounds
        if step < 1:
            raise self._cursor.error("a step of at least 1", place)
        numbers = range(first, last + 1, step)
        if len(numbers) > MOST_ROWS:
            raise HuntingError(TOO_COSTLY)
        return Table({name: LONG}, ((number,) for number in numbers))

    def _where(self, table: Table, token: Token) -> Table:
        condition = self._expressions(table, token).read()
        if self._cursor.peek().spelling not in _ENDS:
            raise self._cursor.error("an operator, '|' or the end of the query")
        if condition.kind != BOOL:
            raise semantic_error(f"'where' operator: expects a condition, not {condition.kind}", condition.token)
        matches = condition.value
        return Table(table.columns, (row for row in table.rows if matches(row)))

    def _take(self, table: Table, token: Token) -> Table:
        return Table(table.columns, itertools.islice(table.rows, max(0, self._number(token.spelling))))

    def _count(self, table: Table, _token: Token) -> Table:
        return Table({"Count": LONG}, [(sum(1 for _row in table.rows),)])

    def _project(self, table: Table, token: Token) -> Table:
        columns: dict[str, str] = {}
        values = []
        for name, one in self._named(table, token):
            if name not in columns:
                columns[name] = one.kind
                values.append(one.value)
        return Table(columns, (tuple(value(row) for value in values) for row in table.rows))

    def _extend(self, table: Table, token: Token) -> Table:
        named = self._named(table, token)
        columns = {**table.columns, **{name: one.kind for name, one in named}}
        made = {name: one.value for name, one in named}
        places = {name: place for place, name in enumerate(table.columns)}

        def extended(row: Row) -> Row:
            return tuple(made[name](row) if name in made else row[places[name]] for name in columns)

        return Table(columns, (extended(row) for row in table.rows))

    def _project_away(self, table: Table, token: Token) -> Table:
        away = {one.name for one in self._columns(table, token)}
        return chosen(table, [name for name in table.columns if name not in away])

    def _project_keep(self, table: Table, token: Token) -> Table:
        kept = {one.name for one in self._columns(table, token)}
        return chosen(table, [name for name in table.columns if name in kept])

    def _project_reorder(self, table: Table, token: Token) -> Table:
        return chosen(table, [*(one.name for one in self._columns(table, token)), *table.columns])

    def _project_rename(self, table: Table, token: Token) -> Table:
        renamed = {}
        while True:
            new = self._cursor.next("name", "the new name of a column").spelling
            self._cursor.expect("=")
            renamed[self._expressions(table, token).column().name] = new
            if not self._cursor.accept(","):
                return Table({renamed.get(name, name): kind for name, kind in table.columns.items()}, table.rows)

    def _distinct(self, table: Table, token: Token) -> Table:
        names = list(table.columns)
        if not self._cursor.accept("*"):
            names = [one.name for one in self._columns(table, token)]
        return distinct(chosen(table, names))

    def _summarize(self, table: Table, token: Token) -> Table:
        expressions = self._expressions(table, token)
        aggregates: list[Aggregate] = []
        while self._cursor.peek().spelling not in ("by", *_ENDS):
            name = self._given_name()
            aggregates.append(read_aggregate(self._cursor, expressions, table.columns, name))
            if not self._cursor.accept(","):
                break
        keys = self._named(table, token) if self._cursor.accept("by") else []
        if not aggregates and not keys:
            raise self._cursor.error("an aggregate function or 'by'")
        return summarized(table, aggregates, keys)

    def _top(self, table: Table, token: Token) -> Table:
        number = max(0, self._number("top"))
        self._cursor.expect("by")
        return Table(table.columns, itertools.islice(self._sorted(table, token), number))

    def _sort(self, table: Table, token: Token) -> Table:
        self._cursor.expect("by")
        return Table(table.columns, self._sorted(table, token))

    def _sorted(self, table: Table, token: Token) -> Iterator[Row]:
        orders: list[Order] = []
        while True:
            one = self._expressions(table, token).read()
            ascending = self._cursor.accept("asc")
            if not ascending:
                self._cursor.accept("desc")
            nulls_first = ascending
            if self._cursor.accept("nulls"):
                nulls_first = self._cursor.accept("first")
                if not nulls_first:
                    self._cursor.expect("last")
            orders.append(Order(one, ascending, nulls_first))
            if not self._cursor.accept(","):
                return in_order(table, orders)

    def _join(self, table: Table, _token: Token) -> Table:
        kind = "innerunique"
        if self._cursor.accept("kind"):
            self._cursor.expect("=")
            wanted = self._cursor.next("name", f"one of {', '.join(KINDS)}")
            if wanted.spelling not in KINDS:
                raise self._cursor.error(f"one of {', '.join(KINDS)}", wanted)
            kind = wanted.spelling
        right = self._pipeline() if self._cursor.peek().spelling == "(" else self._source()
        self._cursor.expect("on")
        pairs = [self._pair()]
        while self._cursor.accept(",") or self._cursor.accept("and"):
            pairs.append(self._pair())
        return join(table, right, kind, pairs)

    def _pair(self) -> Pair:
        token = self._cursor.next("name", "the name of a column")
        if token.spelling != "$left":
            return token, token.spelling, token.spelling
        self._cursor.expect(".")
        ours = self._cursor.next("name", "the name of a column").spelling
        for word in ("==", "$right", "."):
            self._cursor.expect(word)
        return token, ours, self._cursor.next("name", "the name of a column").spelling

    def _expressions(self, table: Table, token: Token) -> Expressions:
        return Expressions(self._cursor, self._scope, table.columns, token.spelling)

    def _columns(self, table: Table, token: Token) -> list[Expression]:
        columns = [self._expressions(table, token).column()]
        while self._cursor.accept(","):
            columns.append(self._expressions(table, token).column())
        return columns

    def _named(self, table: Table, token: Token) -> list[tuple[str, Expression]]:
        """Expressions with the names that their columns get."""
        named: list[tuple[str, Expression]] = []
        while True:
            name = self._given_name()
            one = self._expressions(table, token).read()
            named.append((name or one.name or f"Column{len(named) + 1}", one))
            if not self._cursor.accept(","):
                return named

    def _given_name(self) -> str:
        if self._cursor.peek().kind == "name" and self._cursor.peek(1).spelling == "=":
            name = self._cursor.take().spelling
            self._cursor.expect("=")
            return name
        return ""

    def _number(self, operator: str) -> int:
        """A number, as a literal or by a name that ``let`` gave."""
        token = self._cursor.peek()
        given = self._scope.scalars.get(token.spelling)
        if token.kind != "number" and (given is None or given.kind != LONG):
            raise self._cursor.error("a number")
        return int(Expressions(self._cursor, self._scope, {}, operator).read().value(()))
