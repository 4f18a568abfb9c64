# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mssp.defender.plugins.filter.remark_rows import FilterModule, remark_rows

NOBODY = {"about": "owners", "what": "nobody owns the application", "remedy": "make two people its owners"}


def finding(test: str, passes: bool | None, what: str) -> dict[str, object]:
    return {"test": test, "passes": passes, "what": what, "remedy": None if passes else f"correct {test}"}


def test_each_weakness_has_a_row_and_says_what_to_do() -> None:
    found = [
        finding("21777", False, "not locked"),
        finding("21772", True, "no secret"),
        finding("21773", None, "unread"),
    ]
    assert remark_rows([{"unique_name": "soc", "remarks": [NOBODY], "zero_trust": found}]) == [
        {"application": "soc", "weakness": NOBODY["what"], "what_to_do": NOBODY["remedy"]},
        {"application": "soc", "weakness": "not locked", "what_to_do": "correct 21777"},
    ]


def test_what_two_tests_say_alike_is_said_once() -> None:
    found = [finding(test, False, "redirect URIs are unsafe") for test in ("21885", "23183")]
    assert len(remark_rows([{"unique_name": "soc", "zero_trust": found}])) == 1


def test_an_application_that_was_refused_or_is_planned_has_none() -> None:
    assert remark_rows([{"unique_name": "soc"}, {"unique_name": "new", "remarks": [], "zero_trust": []}]) == []


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"remark_rows": remark_rows}
