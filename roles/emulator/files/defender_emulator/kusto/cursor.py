# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place in the words of a hunting query, shared by all who read them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from defender_emulator.kusto.tokens import HuntingError, Token, syntax_error, tokenize

_DEEPEST = 40
TOO_LONG = "The query cannot run because it exceeds the allowed size limit when processed."


class Cursor:
    """Stands before the next word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._position = 0
        self._depth = 0

    def peek(self, ahead: int = 0) -> Token:
        """The next word, or one after it."""
        return self._tokens[min(self._position + ahead, len(self._tokens) - 1)]

    def take(self) -> Token:
        """The next word, whatever it is."""
        token = self.peek()
        self._position += 1
        return token

    def next(self, kind: str, expected: str) -> Token:
        """The next word, which must be of the kind."""
        if self.peek().kind != kind:
            raise self.error(expected)
        return self.take()

    def accept(self, spelling: str) -> bool:
        """Step over the next word if it is this one."""
        if self.peek().spelling != spelling:
            return False
        self.take()
        return True

    def expect(self, spelling: str) -> None:
        """Step over the next word, which must be this one."""
        if not self.accept(spelling):
            raise self.error(f"'{spelling}'")

    def error(self, expected: str, token: Token | None = None) -> HuntingError:
        """What is said about the next word, or ``token``, where something else is expected."""
        return syntax_error(self._text, token or self.peek(), expected)

    @contextlib.contextmanager
    def nested(self) -> Iterator[None]:
        """Go one level deeper. HuntingError where a query has too many."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise HuntingError(TOO_LONG)
        yield
        self._depth -= 1
