# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a hunting query, each with its place, and what is said about a query that makes no sense.

Source: learn.microsoft.com, kusto/query (string literals, comments), advanced-hunting-errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_ESCAPE = re.compile(r"""\\(?:u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|[nrt\\"'])""")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
# A quoted text ends in its line; a verbatim one (@) knows no escapes, and one in three marks may have many lines.
_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
    |(?P<block>```.*?```|~~~.*?~~~)
    |(?P<verbatim>@"(?:[^"]|"")*"|@'(?:[^']|'')*')
    |(?P<quoted>"(?:ESCAPE|[^"\\\n])*"|'(?:ESCAPE|[^'\\\n])*')
    |(?P<number>-?\d{1,18}(?![\w.]))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<mark>==|!=|[|,()=])
    |(?P<unknown>.)""".replace("ESCAPE", _ESCAPE.pattern),
    re.VERBOSE | re.DOTALL,
)


class HuntingError(Exception):
    """A query that cannot be run; the message is what the service answers."""


@dataclass(frozen=True)
class Token:
    """One word: its kind (``text``, ``number``, ``name``, ``mark``, ``end``, ``unknown``), and where it starts.

    ``value`` is that of a text or a number, ``spelling`` (of a text, with its quotes) what the query has; ``line`` and
    ``column`` count from 1.
    """

    kind: str
    value: str | int
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


def _token(query: str, kind: str, spelling: str, start: int) -> Token:
    line = query.count("\n", 0, start) + 1
    column = start - (query.rfind("\n", 0, start) + 1) + 1
    if kind == "number":
        return Token(kind, int(spelling), spelling, line, column)
    if kind in _TEXTS:
        return Token("text", _TEXTS[kind](spelling), spelling, line, column)
    return Token(kind, spelling, spelling, line, column)


def _unescape(match: re.Match[str]) -> str:
    escape = match.group()[1:]
    return _ESCAPED.get(escape) or chr(int(escape[1:], 16))


_TEXTS: dict[str, Callable[[str], str]] = {
    "block": lambda spelling: spelling[3:-3],
    "verbatim": lambda spelling: spelling[2:-1].replace(spelling[1] * 2, spelling[1]),
    "quoted": lambda spelling: _ESCAPE.sub(_unescape, spelling[1:-1]),
}
