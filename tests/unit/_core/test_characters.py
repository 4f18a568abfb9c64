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
        ("\0", "U+0000"),
        ("\U0001f600", "U+1F600 GRINNING FACE"),
    ],
)
def test_a_character_is_named_with_its_number(character: str, name: str) -> None:
    assert characters.named(character) == name


def test_what_cannot_be_seen_is_written_out() -> None:
    assert characters.visible("Größe 日本\u200b\n\ud800") == r"Größe 日本\u200b\u000a\ud800"
    assert characters.visible("x" * 101) == f"{'x' * 100}..."
