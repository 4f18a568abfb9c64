# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.cells import Cells, PlainCells, steady
from ansible_collections.mssp.defender.plugins.module_utils._core.characters import plain
from ansible_collections.mssp.defender.plugins.plugin_utils._rich_cells import best_cells

WORDS = st.text(st.sampled_from("ab-.é東🎉e\u0301 ") | st.characters(codec="utf-8"), max_size=60)
WIDTHS = [
    ("", 0),
    ("contoso", 7),
    ("東京", 4),
    ("ﾄｳｷｮｳ", 5),
    ("🎉", 2),
    ("🇩🇪", 2),
    ("e\u0301", 1),
    ("한국", 4),
    ("\u1112\u1161\u11ab", 2),
    ("नमस्ते", 4),
]


@pytest.fixture(params=["none", "rich"])
def cells(request: pytest.FixtureRequest) -> Cells:
    if request.param == "none":
        return PlainCells()
    if not importlib.util.find_spec("rich"):
        pytest.skip("not on this machine: rich")
    return best_cells()


@pytest.mark.parametrize(("text", "width"), WIDTHS)
def test_a_text_is_as_wide_as_terminals_draw_it(text: str, width: int) -> None:
    assert PlainCells().width(text) == width


@pytest.mark.parametrize(
    ("text", "room", "lines"),
    [
        ("", 10, [""]),
        ("open the consent link", 10, ["open the", "consent", "link"]),
        ("open the consent link", 21, ["open the consent link"]),
        ("see SecurityIncident.Read.All of Graph", 12, ["see", "SecurityInci", "dent.Read.Al", "l of Graph"]),
        ("東京トラベル", 5, ["東京", "トラ", "ベル"]),
        ("🎉🎉🎉", 4, ["🎉🎉", "🎉"]),
        ("e\u0301e\u0301e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
    ],
)
def test_a_text_is_broken_between_words_and_characters(cells: Cells, text: str, room: int, lines: list[str]) -> None:
    assert cells.wrap(text, room) == lines


def test_a_flag_is_not_broken() -> None:
    assert PlainCells().wrap("🇩🇪🇫🇷🇮🇹", 5) == ["🇩🇪🇫🇷", "🇮🇹"]


@given(text=WORDS, room=st.integers(2, 40))
def test_lines_fit_and_lose_nothing(text: str, room: int) -> None:
    shown = steady(plain(text)).strip()
    cells = PlainCells()
    lines = cells.wrap(shown, room)
    assert all(cells.width(line) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "")
    assert lines == [line.strip() for line in lines]


@given(text=WORDS)
def test_a_text_with_room_enough_is_one_line(text: str) -> None:
    shown = plain(text).strip()
    assert PlainCells().wrap(shown, PlainCells().width(shown)) == [shown]


@pytest.mark.parametrize(
    ("text", "shown"), [("❤\ufe0f", "❤"), ("1\ufe0f\u20e3", "1\u20e3"), ("👍\U0001f3fd", "👍"), ("contoso", "contoso")]
)
def test_what_terminals_draw_in_different_widths_is_left_out(text: str, shown: str) -> None:
    assert steady(text) == shown
