# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import characters


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u200b", "U+200B ZERO WIDTH SPACE"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\u00a0", "U+00A0 NO-BREAK SPACE"),
        ("\0", "U+0000 NULL"),
        ("\U0001f600", "U+1F600 GRINNING FACE"),
    ],
)
def test_a_character_is_named_with_its_number(character: str, name: str) -> None:
    assert characters.named(character) == name


def test_what_cannot_be_seen_is_written_out() -> None:
    assert characters.visible("Größe 日本\u200b\n\ud800") == r"Größe 日本\u200b\u000a\ud800"
    assert characters.visible("x" * 101) == f"{'x' * 100}..."


@pytest.mark.parametrize("text", ["", "a plain sentence", "Grüße, 你好 und عربى", "a 🔒 and a cafe\u0301"])
def test_what_can_be_printed_stays_as_it_is(text: str) -> None:
    assert characters.plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("red \x1b[31malert\x1b[0m", r"red \u001b[31malert\u001b[0m"),
        ("C1 \x9b31m", r"C1 \u009b31m"),
        ("bell \x07, delete \x7f, nothing \x00", r"bell \u0007, delete \u007f, nothing \u0000"),
        ("turned \u202egnp.exe\u202c and \u2066so\u2069", r"turned \u202egnp.exe\u202c and \u2066so\u2069"),
        ("unseen \u200b\ufeff\u00ad", r"unseen \u200b\ufeff\u00ad"),
        ("half \ud83d of a pair", r"half \ud83d of a pair"),
        ("lines\r\nand\ttabs\u2028and  blanks", "lines and tabs and blanks"),
    ],
)
def test_what_a_terminal_would_obey_or_a_reader_not_see_is_written_out(text: str, shown: str) -> None:
    assert characters.plain(text) == shown


def test_what_is_longer_than_a_message_can_be_is_cut() -> None:
    assert len(characters.plain("x" * 1_000_000)) < 21_000
    assert characters.plain("x" * 1_000_000).endswith("x ...")
