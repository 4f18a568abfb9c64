# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.operations import OperationHost

from ansible_collections.mssp.defender.plugins.module_utils._operations import report

COLUMNS = ["customer", "state", "who_acts"]
LETTERS = st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]) | st.sampled_from("\n\r\t")
CELLS = st.none() | st.integers() | st.text(LETTERS, max_size=12)
ROWS = st.lists(st.dictionaries(st.sampled_from(COLUMNS), CELLS), max_size=6)


def lines_of(rows: list[dict[str, Any]], columns: list[str] | None = None, title: str | None = None) -> list[str]:
    result = report.run(OperationHost(report.OPERATION, rows=rows, columns=columns or COLUMNS, title=title))
    assert result["changed"] is False
    lines: list[str] = result["lines"]
    return lines


def test_a_table_has_a_header_and_aligned_columns() -> None:
    rows = [
        {"customer": "contoso", "state": "granted", "who_acts": None},
        {"customer": "fabrikam", "state": "not_consented", "who_acts": "customer admin", "unused": 1},
        {"state": 7},
    ]
    assert lines_of(rows, title="Customers") == [
        "Customers",
        "",
        "customer   state           who acts",
        "contoso    granted",
        "fabrikam   not_consented   customer admin",
        "           7",
    ]


@given(rows=ROWS)
def test_every_cell_begins_where_its_column_does(rows: list[dict[str, Any]]) -> None:
    header, *body = lines_of([{}, *rows])
    assert body.pop(0) == ""
    starts = [header.index(name.replace("_", " ")) for name in COLUMNS]
    assert len(body) == len(rows)
    for line, row in zip(body, rows, strict=True):
        for start, end, column in zip(starts, [*starts[1:], None], COLUMNS, strict=True):
            value = row.get(column)
            expected = "" if value is None else " ".join(str(value).split())
            assert line[start:end].strip() == expected.strip()
            assert line[:start].endswith("   ") or start == 0 or len(line) <= start


@given(rows=ROWS)
def test_a_cell_never_breaks_its_line(rows: list[dict[str, Any]]) -> None:
    assert all("\n" not in line and "\r" not in line and line == line.rstrip() for line in lines_of(rows))


def test_without_rows_there_is_the_title_alone() -> None:
    assert lines_of([]) == []
    assert lines_of([], title="Triage changed nothing") == ["Triage changed nothing"]


def test_a_cell_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in "".join(lines_of([{"customer": "\x1b[2J\x1b[31mcontoso"}]))
