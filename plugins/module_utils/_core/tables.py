# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables as CSV: the one way in which a cell is written, read back, and kept from being run by a spreadsheet.

Sources: RFC 4180; owasp.org, "CSV Injection".
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable

_QUOTE = '"'
_SIGNS = frozenset("=+-@\u2212")
# control characters, marks of format such as those of no width, and blanks of every kind
_UNSEEN = ("Cc", "Cf", "Zs", "Zl", "Zp")


def table(rows: Iterable[Iterable[object]]) -> str:
    """Return the rows, every value in quotes, each row ended by a line feed.

    A text that a spreadsheet would take for a formula has an apostrophe before it; null is empty; what is not a text
    is written as in JSON. Half of a surrogate pair, which no file can hold, is written as JSON escapes it.
    """
    # not by csv.writer, which before Python 3.11 fails over a NUL
    text = "".join(",".join(f'"{_cell(value).replace(_QUOTE, _QUOTE * 2)}"' for value in row) + "\n" for row in rows)
    return text.encode(errors="backslashreplace").decode()


def read(text: str) -> list[list[str]]:
    """Return the texts of all rows as they were before `table` wrote them. Raises csv.Error."""
    rows = csv.reader(io.StringIO(text, newline=""))
    return [[cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell for cell in row] for row in rows]


def read_row(line: str) -> list[str]:
    """Return the texts of one row. Raises csv.Error."""
    return next(iter(read(line)), [])


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if _is_formula(value) else str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_formula(text: str) -> bool:
    """Tell whether a spreadsheet could take the text for a formula, also behind what it skips, or in full width.

    An apostrophe before one counts as well, so that the text can be told from one that was given an apostrophe here.
    """
    bare = text.lstrip("'")
    start = next((each for each in bare if unicodedata.category(each) not in _UNSEEN), "")
    return bare.startswith(("\t", "\r", "\n")) or unicodedata.normalize("NFKC", start)[:1] in _SIGNS
