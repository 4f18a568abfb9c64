# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many columns of a terminal a text takes, and how it is broken into lines that fit."""

from __future__ import annotations

import re
import unicodedata
from typing import Protocol

# terminals do not agree on the width of what these make of the character before them; alone, they agree on that one
_SELECTORS_AND_TONES = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\U0001f3fb-\U0001f3ff]")
# two of these are one flag
_UNITS = re.compile("[\U0001f1e6-\U0001f1ff]{2}|.", re.DOTALL)
_MARKS = ("Mn", "Mc", "Me", "Cf")
# Hangul's vowels and final consonants join the syllable before; its fillers show nothing
_JOINING = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff\u3164\uffa0]")


class Cells(Protocol):
    """Who measures texts, in columns of a terminal, and breaks them."""

    def width(self, text: str) -> int:
        """Return how many columns the text takes."""

    def wrap(self, text: str, room: float) -> list[str]:
        """Return the text in lines of at most `room` columns, broken between words; a longer word is broken too."""


class PlainCells:
    """Goes by Unicode's own tables, as Python has them."""

    def width(self, text: str) -> int:
        return len(text) if text.isascii() else sum(map(_width, text))

    def wrap(self, text: str, room: float) -> list[str]:
        lines = [""]
        for word in text.split():
            joined = f"{lines[-1]} {word}" if lines[-1] else word
            if self.width(joined) <= room:
                lines[-1] = joined
            else:
                lines += self._pieces(word, room)
        return lines if lines[0] or len(lines) == 1 else lines[1:]

    def _pieces(self, word: str, room: float) -> list[str]:
        pieces, left = [""], room
        for unit in _UNITS.findall(word):
            width = self.width(unit)
            if width > left and pieces[-1]:
                pieces.append("")
                left = room
            pieces[-1] += unit
            left -= width
        return pieces


def steady(text: str) -> str:
    """Return the text without what makes terminals draw a character in one width or another.

    That is the choice between an emoji and a plain character, and the colour of a skin. What joins several emoji into
    one, `characters.plain` has written out.
    """
    return text if text.isascii() else _SELECTORS_AND_TONES.sub("", text)


def _width(character: str) -> int:
    if unicodedata.category(character) in _MARKS or _JOINING.match(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
