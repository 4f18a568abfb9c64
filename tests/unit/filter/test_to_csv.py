# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io

import pytest

from ansible_collections.mssp.defender.plugins.filter.to_csv import FilterModule, to_csv

COLUMNS = ["customer", "url"]


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "\uff1d1", "=cmd|'/c calc'!A1"]
)
def test_a_formula_is_defused(formula: str) -> None:
    assert read(to_csv([{"customer": formula}], ["customer"]))[1] == [f"'{formula}"]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_line_end_in_a_value_begins_no_row_with_a_formula(end: str) -> None:
    text = to_csv([{"customer": f"contoso{end}=1+1", "url": "u"}], COLUMNS)
    assert read(text)[1:] == [[f"contoso{end}=1+1", "u"]]


def test_a_missing_value_is_empty_and_others_are_text() -> None:
    text = to_csv([{"customer": None, "url": 7}, {"unused": 1}], COLUMNS)
    assert read(text)[1:] == [["", "7"], ["", ""]]


def test_half_of_a_surrogate_pair_can_be_written_to_a_file() -> None:
    assert to_csv([{"customer": "cut \ud83d"}], ["customer"]).encode() == b'"customer"\n"cut \\ud83d"\n'


def test_no_rows_leave_the_header() -> None:
    text = to_csv([], COLUMNS)
    assert read(text) == [COLUMNS]
    assert text.endswith("\n")


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"to_csv": to_csv}
