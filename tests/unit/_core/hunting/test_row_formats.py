# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.hunting.row_formats import Csv, JsonLines, by_suffix
from ansible_collections.mssp.defender.plugins.module_utils._core.wire import records
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.records import Record

# csv.reader before Python 3.11 refuses a NUL
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
# none that a spreadsheet could take for a formula
TEXTS = st.just("") | st.tuples(st.sampled_from('aü",;'), ANY_TEXT).map("".join)
VALUES = st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS, max_size=2)
TABLES = st.lists(st.fixed_dictionaries({}, optional={"A": VALUES, "B": VALUES, "ü,\"'": VALUES}), max_size=4)
COLUMNS = ["A", "B", "ü,\"'"]


def as_sent(rows: list[dict[str, Any]]) -> list[Record]:
    page: list[Record] = records.read_page(json.dumps({"value": rows}, indent=1))["value"]
    return page


def read(table: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(table.decode(), newline="")))


def as_cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@given(rows=TABLES, tenant=TEXTS.filter(lambda name: name.isprintable()))
def test_a_line_is_a_row_with_its_tenant(rows: list[dict[str, Any]], tenant: str) -> None:
    lines = JsonLines().rows(tenant, as_sent(rows)).decode().splitlines()
    assert [json.loads(line) for line in lines] == [{"tenant": tenant, **row} for row in rows]


def test_a_line_keeps_what_the_service_wrote() -> None:
    text = '{"Big": 18446744073709551615, "Ratio": 1.10, "Half": "\\ud83d"}'
    rows = records.read_page(f'{{"value": [{text}]}}')["value"]
    assert JsonLines().rows("contoso", rows).decode() == f'{{"tenant": "contoso", {text[1:]}\n'


@given(rows=TABLES, tenant=TEXTS)
def test_a_table_reads_back_as_it_was(rows: list[dict[str, Any]], tenant: str) -> None:
    table = Csv()
    text = b"".join(table.widened(io.BytesIO(), COLUMNS)) + table.rows(tenant, as_sent(rows), COLUMNS)
    assert read(text) == [
        ["tenant", *COLUMNS],
        *([tenant, *(as_cell(row.get(column)) for column in COLUMNS)] for row in rows),
    ]


@given(first=TABLES, second=TABLES)
@example(first=[{"A": 'a line feed\n"in quotes"\n\n'}, {"A": '"\r\n"'}], second=[])
def test_a_table_can_get_more_columns(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    table = Csv()
    narrow = b"".join(table.widened(io.BytesIO(), COLUMNS[:1])) + table.rows("one", as_sent(first), COLUMNS[:1])
    wide = b"".join(table.widened(io.BytesIO(narrow), COLUMNS[1:])) + table.rows("two", as_sent(second), COLUMNS)
    assert table.columns_of(io.BytesIO(wide)) == COLUMNS
    assert read(wide) == [
        ["tenant", *COLUMNS],
        *(["one", as_cell(row.get("A")), "", ""] for row in first),
        *(["two", *(as_cell(row.get(column)) for column in COLUMNS)] for row in second),
    ]


@pytest.mark.parametrize("formula", ["=1+1", " =1+1", "\n+1", "\u200b@A1", "\uff1d1+1"])
def test_a_formula_is_not_run(formula: str) -> None:
    assert read(Csv().rows(formula, as_sent([{"A": formula}]), ["A"])) == [[f"'{formula}", f"'{formula}"]]


def test_a_number_below_zero_is_a_number() -> None:
    assert Csv().rows("contoso", as_sent([{"A": -1}]), ["A"]) == b'"contoso","-1"\n'


def test_a_column_that_is_named_like_a_formula_is_found_again() -> None:
    table = Csv()
    head = b"".join(table.widened(io.BytesIO(), ["=A", "'=A", "B"]))
    assert head == b'"tenant","\'=A","\'\'=A","B"\n'
    assert table.columns_of(io.BytesIO(head)) == ["=A", "'=A", "B"]


def test_half_a_character_in_a_name_can_be_written() -> None:
    assert JsonLines().rows("cut \ud83d", as_sent([{"A": 1}])).startswith(b'{"tenant": "cut \\ud83d", ')


def test_a_nul_is_a_character() -> None:
    assert Csv().rows("contoso", as_sent([{"A": 'a\0"'}]), ["A"]) == b'"contoso","a\x00"""\n'


def test_half_a_character_stays_readable() -> None:
    assert Csv().rows("contoso", as_sent([{"A": "cut \ud83d"}]), ["A"]) == b'"contoso","cut \\ud83d"\n'


def test_an_empty_file_has_no_columns() -> None:
    assert Csv().columns_of(io.BytesIO()) == []


@pytest.mark.parametrize("head", ["tenant,A\n", '\ufeff"tenant","A"\n', '"tenant","A"', "x" * 200_000, "\0\n", '"A"\n'])
def test_a_head_of_somebody_else_is_none(head: str) -> None:
    with pytest.raises(ValueError, match="the head is"):
        Csv().columns_of(io.BytesIO(head.encode()))


@pytest.mark.parametrize(("name", "kind"), [("hunt.jsonl", JsonLines), ("a.b.csv", Csv)])
def test_the_end_of_the_name_tells_the_format(name: str, kind: type) -> None:
    assert isinstance(by_suffix("dest", name), kind)


@pytest.mark.parametrize("name", ["hunt", "hunt.json", "hunt.CSV", "csv"])
def test_any_other_end_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(OptionError, match=f"dest: '{name}' names no format: let it end in .jsonl .JSON Lines. or .csv"):
        by_suffix("dest", name)
