# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible import constants
from ansible.utils import color

from ansible_collections.mssp.defender.plugins.plugin_utils import _terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_terminal, "_TERMINAL", 7)
    monkeypatch.setattr(color, "ANSIBLE_COLOR", True)
    monkeypatch.setattr(constants, "ANSIBLE_NOCOLOR", False)
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", "default")


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("says", "columns"), [(0, 80), (1, 10), (40, 40), (80, 80), (250, 250)])
def test_a_terminal_is_as_wide_as_it_says(monkeypatch: pytest.MonkeyPatch, says: int, columns: int) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _descriptor: os.terminal_size((says, 24)))
    assert _terminal.columns() == columns


@pytest.mark.usefixtures("terminal")
def test_a_terminal_that_went_away_is_taken_for_a_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    outside, inside = os.pipe()
    monkeypatch.setattr(_terminal, "_TERMINAL", inside)
    assert _terminal.columns() == 80
    os.close(outside)
    os.close(inside)


@pytest.mark.usefixtures("terminal")
def test_nothing_is_fitted_or_coloured_for_a_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _terminal.shows_colours()
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", "awx_display")
    assert _terminal.columns() is None
    assert not _terminal.shows_colours()


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("module", "name", "value"), [(color, "ANSIBLE_COLOR", False), (constants, "ANSIBLE_NOCOLOR", True)]
)
def test_ansible_says_whether_there_are_colours(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: bool
) -> None:
    monkeypatch.setattr(module, name, value)
    assert not _terminal.shows_colours()


def test_without_a_terminal_nothing_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_terminal, "_TERMINAL", None)
    assert _terminal.columns() is None
