# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that somebody else wrote, in a sentence of ours that goes to a terminal, a log or a table."""

from __future__ import annotations

import unicodedata

_LONGEST_SHOWN = 100
_LONGEST_TOLD = 20_000


def named(character: str) -> str:
    """Return what Unicode calls the character, as in "U+200B ZERO WIDTH SPACE"."""
    name = "NULL" if character == "\0" else unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}" if name else f"U+{ord(character):04X}"


def plain(text: str) -> str:
    """Return the text in one line that is safe to print: blanks in a row as one, and written out what a terminal would
    obey or a reader not see, such as ESC and marks that turn the direction of writing. A message's length at most."""
    if text.isprintable() and "  " not in text and len(text) <= _LONGEST_TOLD:
        return text
    told = _written_out(" ".join(text[:_LONGEST_TOLD].split()))
    return f"{told} ..." if len(text) > _LONGEST_TOLD else told


def visible(text: str) -> str:
    """Return the text with every character that cannot be seen written out, and not longer than a line."""
    shown = _written_out(text[:_LONGEST_SHOWN])
    return f"{shown}..." if len(text) > _LONGEST_SHOWN else shown


def _written_out(text: str) -> str:
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
