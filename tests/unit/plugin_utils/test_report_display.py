# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import sys

import pytest
from ansible.utils import color

from ansible_collections.mssp.defender.plugins.module_utils._core.layout import Cell, Table
from ansible_collections.mssp.defender.plugins.plugin_utils import _left_reports, _report_display
from ansible_collections.mssp.defender.plugins.plugin_utils._report_display import fitted

TITLE = "word " * 600
REPORT = Table(
    "Customers",
    ["state", "title", "result"],
    [[Cell("granted"), Cell(TITLE.strip()), Cell("refused")], [Cell("granted "), Cell("👍🏽"), Cell("")]],
)
COLOURS = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture(params=["none", "rich"], autouse=True)
def _library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "none":
        monkeypatch.setitem(sys.modules, "rich.cells", None)


def test_what_is_seen_fits_with_and_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(color, "ANSIBLE_COLOR", True)
    plain, coloured = (fitted(REPORT, "table", 60, has_colours) for has_colours in (False, True))
    assert max(map(len, plain)) <= 60
    assert [COLOURS.sub("", line) for line in coloured] == plain
    assert "".join(coloured).count("\x1b[0m") == 2
    assert "👍" in plain[-1]
    assert "🏽" not in plain[-1]


@pytest.mark.parametrize("form", ["table", "list"])
def test_without_a_terminal_nothing_is_broken(form: str) -> None:
    assert TITLE.strip() in "\n".join(fitted(REPORT, form, None, has_colours=False))


@pytest.mark.parametrize("is_left", [False, True])
def test_the_log_gets_the_lines_whoever_prints(monkeypatch: pytest.MonkeyPatch, is_left: bool) -> None:
    shown: list[tuple[str, dict[str, bool]]] = []
    left: list[str] = []

    class Display:
        def display(self, text: str, **options: bool) -> None:
            shown.append((text, options))

    def leave(text: str) -> bool:
        left.append(text)
        return is_left

    monkeypatch.setattr(_report_display, "Display", Display)
    monkeypatch.setattr(_left_reports, "leave", leave)
    _report_display.show(Table("Title", ["name"], [[Cell("contoso")]]), "table", ["a", "b"])
    text = "\nTitle\n\nname\ncontoso\n"
    assert left == [text]
    assert shown == [("\na\nb\n", {"log_only": True}), *([] if is_left else [(text, {"screen_only": True})])]
