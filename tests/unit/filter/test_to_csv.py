# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.filter.to_csv import FilterModule, to_csv

COLUMNS = ["customer", "url"]
# Python 3.10 reads no NUL.
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.text(LETTERS | st.sampled_from("\r\n\t,;\"'=+-@"))
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, TEXTS)), max_size=5))
def test_what_was_written_is_read_back_and_only_formulas_are_defused(rows: list[dict[str, str]]) -> None:
    header, *body = read(to_csv(rows, COLUMNS))
    assert header == COLUMNS
    expected = [[row[column] for column in COLUMNS] for row in rows]
    assert body == [[f"'{text}" if text.startswith(FORMULA) else text for text in row] for row in expected]


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|'/c calc'!A1"])
def test_a_formula_is_defused(formula: str) -> None:
    assert read(to_csv([{"customer": formula}], ["customer"]))[1] == [f"'{formula}"]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_line_end_in_a_value_begins_no_row_with_a_formula(end: str) -> None:
    text = to_csv([{"customer": f"contoso{end}=1+1", "url": "u"}], COLUMNS)
    assert read(text)[1:] == [[f"contoso{end}=1+1", "u"]]


def test_a_missing_value_is_empty_and_others_are_text() -> None:
    text = to_csv([{"customer": None, "url": 7}, {"unused": 1}], COLUMNS)
    assert read(text)[1:] == [["", "7"], ["", ""]]


def test_no_rows_leave_the_header() -> None:
    text = to_csv([], COLUMNS)
    assert read(text) == [COLUMNS]
    assert text.endswith("\n")


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"to_csv": to_csv}
