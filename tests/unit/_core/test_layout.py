# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import layout
from ansible_collections.mssp.defender.plugins.module_utils._core.cells import Cells, PlainCells, steady
from ansible_collections.mssp.defender.plugins.module_utils._core.characters import plain
from ansible_collections.mssp.defender.plugins.module_utils._core.layout import LIST, TABLE, Cell, Table
from ansible_collections.mssp.defender.plugins.plugin_utils._rich_cells import best_cells

HEADER = ["customer", "state", "reason", "who acts", "what to do"]
CONSENT = "the application has no service principal in this tenant (AADSTS7000229)"
ROWS = [
    ["contoso", "granted", "", "", ""],
    ["wingtip", "not_consented", CONSENT, "customer admin", "open the consent link and accept it"],
]
URL = "https://login.microsoftonline.com/" + "a" * 200
WIDTHS = [10, 40, 60, 80, 120, 250]
ODD = [
    "東京トラベル株式会社",
    "👨‍👩‍👧 family",
    "❤\ufe0f",
    "🇩🇪🇫🇷",
    "e\u0301te\u0301",
    "\x1b[2J\x1b[31mred",
    "\u202eevil\u2066",
    "שלום",
    URL,
    "",
]
TEXTS = st.sampled_from([*ODD, "word " * 600, "x" * 3000]) | st.text(max_size=50)


def table(rows: list[list[str]], header: list[str] | None = None, title: str = "") -> Table:
    return Table(title, header or HEADER, [[Cell(text) for text in row] for row in rows])


def test_a_table_with_room_has_a_line_for_each_row() -> None:
    assert layout.lines(table(ROWS, title="Customers"), TABLE) == [
        "Customers",
        "",
        f"customer   state           {'reason':{len(CONSENT)}}   who acts         what to do",
        "contoso    granted",
        f"wingtip    not_consented   {CONSENT}   customer admin   open the consent link and accept it",
    ]


def test_a_table_without_room_wraps_in_its_columns() -> None:
    assert layout.lines(table(ROWS), TABLE, room=80) == [
        "customer   state           reason              who acts         what to do",
        "contoso    granted",
        "wingtip    not_consented   the application     customer admin   open the consent",
        "                           has no service                       link and accept",
        "                           principal in this                    it",
        "                           tenant",
        "                           (AADSTS7000229)",
    ]


@pytest.mark.parametrize("form", [TABLE, LIST])
def test_a_list_stands_in_for_a_table_that_cannot_be_read(form: str) -> None:
    assert layout.lines(table(ROWS), form, room=60) == [
        "contoso",
        "  state        granted",
        "",
        "wingtip",
        "  state        not_consented",
        "  reason       the application has no service principal in",
        "               this tenant (AADSTS7000229)",
        "  who acts     customer admin",
        "  what to do   open the consent link and accept it",
    ]


def test_a_url_stands_alone_and_whole_in_a_list() -> None:
    links = table([["contoso", URL, "granted"]], ["name", "url", "state"])
    assert layout.lines(links, TABLE, room=80) == ["contoso", "  url", f"    {URL}", "  state   granted"]


def test_a_url_stays_in_a_table_with_room_for_it() -> None:
    links = table([["contoso " * 9, URL[:40]]], ["name", "url"])
    assert [line for line in layout.lines(links, TABLE, room=60) if URL[:40] in line]
    assert layout.lines(links, TABLE, room=60)[0].startswith("name   ")


def test_a_value_too_long_to_stand_beside_its_label_stands_below() -> None:
    ids = table([["contoso", "11111111-1111-1111-1111-111111111111"]], ["name", "granted at home"])
    below = ["contoso", "  granted at home", "    11111111-1111-1111-1111-111111111111"]
    assert layout.lines(ids, LIST, room=40) == below


def test_short_columns_keep_their_width_and_long_ones_share() -> None:
    shares = table([["a" * 8, "b " * 50, "c " * 50]], ["one", "two", "three"])
    header = layout.lines(shares, TABLE, room=66)[0]
    assert [header.index(name) for name in ("one", "two", "three")] == [0, 11, 40]


@pytest.mark.parametrize("form", [TABLE, LIST])
def test_without_rows_there_is_the_title_alone(form: str) -> None:
    assert layout.lines(table([]), form, room=20) == []
    assert layout.lines(table([], title="Triage changed nothing at all"), form, room=20) == [
        "Triage changed",
        "nothing at all",
    ]


def test_a_report_without_columns_is_empty() -> None:
    assert "".join(layout.lines(Table("", [], [[], []]), TABLE)) == ""
    assert "".join(layout.lines(Table("", [], [[], []]), LIST)) == ""


def test_colours_take_no_room() -> None:
    def paint(text: str) -> str:
        return f"\x1b[31m{text}\x1b[0m"

    painted = Table("", ["state", "who"], [[Cell("failed", paint), Cell("provider")], [Cell("", paint), Cell("me")]])
    assert layout.lines(painted, TABLE) == ["state    who", "\x1b[31mfailed\x1b[0m   provider", "         me"]


def engines() -> list[Cells]:
    return [PlainCells(), best_cells()] if importlib.util.find_spec("rich") else [PlainCells()]


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=4),
    title=TEXTS,
    width=st.sampled_from(WIDTHS),
    form=st.sampled_from([TABLE, LIST]),
)
def test_nothing_but_a_url_is_wider_than_the_terminal(rows: list[list[str]], title: str, width: int, form: str) -> None:
    shown = [[steady(plain(text)).strip() for text in row] for row in rows]
    content = []
    for cells in engines():
        lines = layout.lines(table(shown, ["customer", "state", "reason"], steady(plain(title))), form, cells, width)
        assert all(cells.width(line) <= width or "https://" in line for line in lines)
        assert not any(mark in line for line in lines for mark in "\x1b\u202e\u2066\n\r")
        content.append("".join(lines).replace(" ", ""))
    assert len(set(map(sorted_text, content))) == 1


def sorted_text(text: str) -> str:
    """The characters whatever line they are on: libraries may differ in how wide one of them is."""
    return "".join(sorted(text))


@given(rows=st.lists(st.lists(st.sampled_from(ODD[:8]), min_size=3, max_size=3), min_size=1, max_size=6))
def test_columns_are_straight(rows: list[list[str]]) -> None:
    shown = [[steady(plain(text)) for text in row] for row in rows]
    for cells in engines():
        header, *body = layout.lines(table(shown, ["one", "two", "three"]), TABLE, cells)
        starts = [header.index("two"), header.index("three")]
        for line, row in zip(body, shown, strict=True):
            first = row[0] + " " * (starts[0] - cells.width(row[0]))
            second = row[1] + " " * (starts[1] - starts[0] - cells.width(row[1]))
            assert line == first + second + row[2]
