# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a hunting query, each with its place, and what is said about a query that makes no sense.

Source: learn.microsoft.com, kusto/query (string literals, comments, scalar data types), advanced-hunting-errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from defender_emulator import timestamps
from defender_emulator.timestamps import SECOND

_ESCAPE = re.compile(r"""\\(?:u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|[nrt\\"'])""")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(d|h|ms|m|s)(?:ays?|ours?|rs?|in(?:utes?)?|ec(?:onds?)?|illiseconds?)?")
_CLOCK = re.compile(r"(?:(\d{1,6})\.)?(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?)?(Z)?")
# A quoted text ends in its line; a verbatim one (@) knows no escapes, and one in three marks may have many lines.
_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
    |(?P<block>```.*?```|~~~.*?~~~)
    |(?P<verbatim>@"(?:[^"]|"")*"|@'(?:[^']|'')*')
    |(?P<quoted>"(?:ESCAPE|[^"\\\n])*"|'(?:ESCAPE|[^'\\\n])*')
    |(?P<moment>datetime\s*\([^()'"|]*\))
    |(?P<clock>time(?:span)?\s*\([^()'"|]*\))
    |(?P<span>SPAN(?![\w.]))
    |(?P<real>\d{1,18}\.\d{1,18}(?![\w.]))
    |(?P<number>\d{1,18}(?!\w|\.\d))
    |(?P<name>(?:project-(?:away|keep|rename|reorder)|mv-(?:expand|apply)|make-series)\b
        |!(?:in~|between|in|has|contains|startswith|endswith|hasprefix|hassuffix)(?:_cs|_any|_all)?
        |in~|\$left\b|\$right\b|[A-Za-z_]\w*)
    |(?P<mark>==|!=|=~|!~|<=|>=|\.\.|[|,()\[\];=<>+\-*/%.])
    |(?P<unknown>.)""".replace("ESCAPE", _ESCAPE.pattern).replace("SPAN", _SPAN.pattern),
    re.VERBOSE | re.DOTALL,
)


class HuntingError(Exception):
    """A query that cannot be run; the message is what the service answers."""


@dataclass(frozen=True)
class Token:
    """One word: its kind, and where it starts.

    The kind is ``text``, ``number``, ``real``, ``moment``, ``span``, ``name``, ``mark``, ``end`` or ``unknown``.
    ``value`` is that of a literal, of a moment or span in ticks. ``spelling`` (of a text, with its quotes) is what the
    query has; ``line`` and ``column`` count from 1.
    """

    kind: str
    value: Any
    spelling: str
    line: int
    column: int


def tokenize(query: str) -> list[Token]:
    """Every word of the query but blanks and comments, and an ``end``.

    What starts no word, such as a quote that is never closed, is ``unknown``, and fits nowhere.
    """
    matches = [match for match in _TOKEN.finditer(query) if match.lastgroup != "blank"]
    words = [_token(query, str(match.lastgroup), match.group(), match.start()) for match in matches]
    return [*words, _token(query, "end", "", len(query.rstrip()))]


def syntax_error(query: str, token: Token, expected: str) -> HuntingError:
    """What is said about a word that stands where another should: the line, a mark below the word, and the advice.

    The first and the last line are worded as the service words them, the others help to find the place.
    """
    line = query.split("\n")[token.line - 1].rstrip()
    return HuntingError(
        f"Query could not be parsed at '{token.spelling}' on line [{token.line},{token.column}]: expected {expected}.\n"
        f"    {line}\n"
        f"    {' ' * (token.column - 1)}^\n"
        "A recognition error occurred. Fix syntax errors in your query."
    )


def semantic_error(problem: str, token: Token) -> HuntingError:
    """What is said about a well-formed query that asks for what is not there, in one line."""
    return HuntingError(f"{problem} on line [{token.line},{token.column}]. Fix semantic errors in your query.")


def read_moment(text: str) -> int:
    """Ticks of a date, with or without a time, in UTC where no zone is written. ValueError when it is none."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        return timestamps.read(text.strip())
    return timestamps.read(f"{match[1]}T{match[2] or '00:00'}{match[3] or ''}Z")


def read_span(text: str) -> int:
    """Ticks of ``1.5h`` or ``1.02:03:04``. ValueError when it is neither."""
    if match := _SPAN.fullmatch(text.strip()):
        return round(float(match[1]) * _UNITS[match[2]] * SECOND)
    if match := _CLOCK.fullmatch(text.strip()):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
        whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return whole * SECOND + int((match[5] or "0").ljust(7, "0"))
    raise ValueError(f"'{text}' is not a timespan")


def _token(query: str, kind: str, spelling: str, start: int) -> Token:
    line = query.count("\n", 0, start) + 1
    column = start - (query.rfind("\n", 0, start) + 1) + 1
    if kind not in _LITERALS:
        return Token(kind, spelling, spelling, line, column)
    kind, read = _LITERALS[kind]
    try:
        return Token(kind, read(spelling), spelling, line, column)
    except ValueError:
        return Token("unknown", spelling, spelling, line, column)


def _unescape(match: re.Match[str]) -> str:
    escape = match.group()[1:]
    return _ESCAPED.get(escape) or chr(int(escape[1:], 16))


def _inside(spelling: str) -> str:
    return spelling[spelling.index("(") + 1 : -1]


_LITERALS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "block": ("text", lambda spelling: spelling[3:-3]),
    "verbatim": ("text", lambda spelling: spelling[2:-1].replace(spelling[1] * 2, spelling[1])),
    "quoted": ("text", lambda spelling: _ESCAPE.sub(_unescape, spelling[1:-1])),
    "moment": ("moment", lambda spelling: read_moment(_inside(spelling))),
    "clock": ("span", lambda spelling: read_span(_inside(spelling))),
    "span": ("span", read_span),
    "real": ("real", float),
    "number": ("number", int),
}
