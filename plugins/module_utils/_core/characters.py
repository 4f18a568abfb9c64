# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters by their names, for messages about those that nobody can see."""

from __future__ import annotations

import unicodedata

_LONGEST_SHOWN = 100


def named(character: str) -> str:
    """Return what Unicode calls the character, as in "U+200B ZERO WIDTH SPACE"."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}" if name else f"U+{ord(character):04X}"


def visible(text: str) -> str:
    """Return the text with every character that cannot be seen written out, and not longer than a line."""
    shown = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text[:_LONGEST_SHOWN])
    return f"{shown}..." if len(text) > _LONGEST_SHOWN else shown
