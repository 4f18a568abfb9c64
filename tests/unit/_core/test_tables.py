# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import tables

# Python 3.10 reads no NUL
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.text(LETTERS | st.sampled_from("\r\n\t ,;\"'=+-@\uff1d"))


def cell(value: object) -> str:
    """Return how a value stands between its quotes."""
    return tables.table([[value]])[1:-2]


@pytest.mark.parametrize(
    "sign",
    [
        "=",
        "+",
        "-",
        "@",
        "\uff1d",
        "\uff0b",
        "\uff0d",
        "\uff20",
        "\ufe66",
        "\ufe62",
        "\ufe63",
        "\ufe6b",
        "\u2212",
        "\u207a",
    ],
)
@pytest.mark.parametrize(
    "before",
    [
        "",
        " ",
        "\t",
        "\r",
        "\n",
        "\r\n ",
        "\v",
        "\0",
        "\x1b",
        "\xa0",
        "\u3000",
        "\u2003",
        "\u2028",
        "\u200b",
        "\ufeff",
        "\u202e",
        "'",
    ],
)
def test_a_text_that_a_spreadsheet_runs_is_defused(before: str, sign: str) -> None:
    formula = f"{before}{sign}cmd|'/c calc'!A1"
    assert cell(formula) == f"'{formula}"


@pytest.mark.parametrize("text", ["\tA", "\rA", "\nA"])
def test_a_text_that_begins_with_a_tab_or_a_line_end_is_defused(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", "contoso", " a=b", "a-b", "'quoted'", "1-1", "\u200bA", "analyst@contoso.example", "(=1)"]
)
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (7, "7"),
        (-7, "-7"),
        (-1.5, "-1.5"),
        (True, "true"),
        ([1, "ü"], '[1, ""ü""]'),
        ({"a": None}, '{""a"": null}'),
    ],
)
def test_what_is_not_a_text_is_written_as_in_json(value: object, written: str) -> None:
    assert cell(value) == written


def test_half_of_a_surrogate_pair_is_written_as_json_escapes_it() -> None:
    assert cell("cut \ud83d") == "cut \\ud83d"
    tables.table([["\udfff", ["\ud800"]]]).encode()


def test_a_quote_stands_twice_and_a_nul_as_it_is() -> None:
    assert tables.table([['a"b', "c\0"], ["d", None]]) == '"a""b","c\0"\n"d",""\n'


@given(rows=st.lists(st.lists(TEXTS, min_size=2, max_size=3), max_size=4))
def test_every_reader_of_csv_sees_each_cell_with_at_most_an_apostrophe_more(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(tables.table(rows), newline="")))
    assert [len(row) for row in read] == [len(row) for row in rows]
    pairs = [pair for cells, texts in zip(read, rows, strict=True) for pair in zip(cells, texts, strict=True)]
    assert all(cell in (text, f"'{text}") for cell, text in pairs)


@given(row=st.lists(st.text(LETTERS | st.sampled_from("\t ,;\"'=+-@\uff1d")), min_size=1, max_size=4))
def test_a_row_is_read_back_as_it_was(row: list[str]) -> None:
    line = tables.table([row])
    if "\r" not in line and line.count("\n") == 1:
        assert tables.read_row(line) == row


@given(rows=st.lists(st.lists(TEXTS, min_size=2, max_size=3), max_size=4))
def test_a_table_is_read_back_as_it_was(rows: list[list[str]]) -> None:
    assert tables.read(tables.table(rows)) == rows
