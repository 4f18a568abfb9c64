# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operators of a hunting query do with rows: choose their columns, tell them apart, group and order them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from defender_emulator.kusto.aggregates import Aggregate
from defender_emulator.kusto.joins import unused
from defender_emulator.kusto.values import Expression, Row, Table, ordinal

Keys = list[tuple[str, Expression]]


@dataclass(frozen=True)
class Order:
    """What rows are put in order by, and where those go that do not have it."""

    by: Expression
    ascending: bool
    nulls_first: bool


def chosen(table: Table, names: list[str]) -> Table:
    """The columns of these names, in this order."""
    columns = {name: table.columns[name] for name in names}
    places = [list(table.columns).index(name) for name in columns]
    return Table(columns, (tuple(row[place] for place in places) for row in table.rows))


def distinct(table: Table) -> Table:
    """Each row once."""
    keys = [ordinal(kind) for kind in table.columns.values()]

    def rows() -> Iterator[Row]:
        seen = set()
        for row in table.rows:
            key = tuple(one(value) for one, value in zip(keys, row, strict=True))
            if key not in seen:
                seen.add(key)
                yield row

    return Table(table.columns, rows())


def in_order(table: Table, orders: list[Order]) -> Iterator[Row]:
    """The rows by the first order, those alike in it by the second, and so on."""
    rows = list(table.rows)
    for order in reversed(orders):
        rows = _ordered(rows, order)
    yield from rows


def _ordered(rows: list[Row], order: Order) -> list[Row]:
    value, key = order.by.value, ordinal(order.by.kind)
    known = [row for row in rows if value(row) is not None]
    unknown = [row for row in rows if value(row) is None]
    known.sort(key=lambda row: key(value(row)), reverse=not order.ascending)
    return [*unknown, *known] if order.nulls_first else [*known, *unknown]


def summarized(table: Table, aggregates: list[Aggregate], keys: Keys) -> Table:
    """A row for each group of rows that have the same keys: the keys, and what the aggregates make of the group."""
    columns = {name: one.kind for name, one in keys}
    # What `arg_max(x, *)` has of the columns of the group is there already.
    kept = [[not (one.of_a_row and name in columns) for name in one.columns] for one in aggregates]
    for aggregate, is_kept in zip(aggregates, kept, strict=True):
        for (name, kind), wanted in zip(aggregate.columns.items(), is_kept, strict=True):
            if wanted:
                columns[unused(name, columns)] = kind

    def rows() -> Iterator[Row]:
        for by, group in _groups(table, keys):
            if not group and any(one.of_a_row for one in aggregates):
                continue
            made = (
                value
                for aggregate, is_kept in zip(aggregates, kept, strict=True)
                for value, wanted in zip(aggregate.values(group), is_kept, strict=True)
                if wanted
            )
            yield (*by, *made)

    return Table(columns, rows())


def _groups(table: Table, keys: Keys) -> Iterator[tuple[Row, list[Row]]]:
    """Each group's keys and rows; without keys there is one group, even of no rows."""
    ordinals = [ordinal(one.kind) for _name, one in keys]
    groups: dict[tuple[Any, ...], tuple[Row, list[Row]]] = {} if keys else {(): ((), [])}
    for row in table.rows:
        by = tuple(one.value(row) for _name, one in keys)
        key = tuple(of(value) for of, value in zip(ordinals, by, strict=True))
        groups.setdefault(key, (by, []))[1].append(row)
    yield from groups.values()
