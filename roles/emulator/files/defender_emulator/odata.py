# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""OData query options that several APIs understand: ``$filter`` and numbers such as ``$top``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from defender_emulator import timestamps

T = TypeVar("T")
Predicate = Callable[[T], bool]


class QueryError(Exception):
    """A query option that the service cannot read; the message is what it answers."""


@dataclass(frozen=True)
class Field(Generic[T]):
    """A field that can be filtered: its value in an object of kind T, and the names it may take (None: any text).

    A moment (``is_moment``) is compared as ticks and written without quotes. ``has_start`` allows ``startswith``, and
    ``is_caseless`` compares texts as the directory does.
    """

    value: Callable[[T], Any]
    is_moment: bool = False
    names: frozenset[str] | None = None
    has_start: bool = False
    is_caseless: bool = False


_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<mark>[(),])|(?P<word>[^\s(),']+))")
_ANY = "/any"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DEEPEST = 50
# ``in`` takes a list of literals, the others one.
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "in": lambda value, listed: value in listed,
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


ALL_OPERATORS = tuple(OPERATORS)


def parse_filter(text: str, fields: Mapping[str, Field[T]], operators: Collection[str] = ALL_OPERATORS) -> Predicate[T]:
    """The test that a ``$filter`` expression describes, in which the service knows these comparison operators.

    Raises:
        QueryError: the expression is malformed or names something the service does not filter on.
    """
    parser = _Parser(_tokens(text), fields, operators)
    predicate = parser.alternatives()
    parser.expect_end()
    return predicate


def bounds_of(text: str, name: str) -> tuple[float, float]:
    """The least and the greatest ticks of the moment ``name`` in what a ``$filter`` lets through; infinite where open.

    Only comparisons that the whole expression joins by ``and`` count. An expression that cannot be read bounds nothing.
    """
    least, greatest, depth = -math.inf, math.inf, 0
    terms: list[list[str]] = [[]]
    try:
        for token in _tokens(text):
            depth += (token == "(") - (token == ")")
            if depth == 0 and token == "or":
                return -math.inf, math.inf
            if depth == 0 and token == "and":
                terms.append([])
            else:
                terms[-1].append(token)
        for term in terms:
            if len(term) == 3 and term[0] == name:
                moment = read_moment(term[2])
                if term[1] in ("ge", "gt", "eq"):
                    least = max(least, moment)
                if term[1] in ("le", "lt", "eq"):
                    greatest = min(greatest, moment)
    except (QueryError, ValueError):
        return -math.inf, math.inf
    return least, greatest


def parse_number(options: Mapping[str, str], name: str, default: int) -> int:
    """A non-negative integer option. QueryError when it is none."""
    text = options.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise QueryError(
            f"Invalid value '{text}' for {name} query option found. The option requires a non-negative integer value."
        )
    return int(text)


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise QueryError(f"Syntax error at position {position} in '{text}'.")
        tokens.append(match.group().strip())
        position = match.end()
    return tokens


class _Parser(Generic[T]):
    def __init__(self, tokens: list[str], fields: Mapping[str, Field[T]], operators: Collection[str]) -> None:
        self._tokens = tokens
        self._fields = fields
        self._operators = operators
        self._position = 0
        self._depth = 0

    def alternatives(self) -> Predicate[T]:
        parts = [self._conjunction()]
        while self._accept("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda item: any(part(item) for part in parts)

    def expect_end(self) -> None:
        if self._position < len(self._tokens):
            raise QueryError(f"Syntax error: '{self._tokens[self._position]}' was not expected in the filter.")

    def _conjunction(self) -> Predicate[T]:
        parts = [self._operand()]
        while self._accept("and"):
            parts.append(self._operand())
        return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)

    def _operand(self) -> Predicate[T]:
        if self._accept("startswith"):
            return self._start()
        if self._peek().endswith(_ANY):
            return self._member(self._next().removesuffix(_ANY))
        if not self._accept("("):
            return self._comparison()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise QueryError(f"The filter is nested deeper than {_DEEPEST} levels.")
        inner = self.alternatives()
        self._depth -= 1
        if not self._accept(")"):
            raise QueryError("Syntax error: a parenthesis is not closed in the filter.")
        return inner

    def _start(self) -> Predicate[T]:
        opening, name, comma, literal, closing = (self._next() for _unused in range(5))
        if (opening, comma, closing) != ("(", ",", ")"):
            raise QueryError("Syntax error: startswith takes a property and a text, in parentheses.")
        field = self._field(name)
        if not field.has_start:
            raise QueryError(f"The function 'startswith' cannot be applied to '{name}'.")
        expected = _literal(name, literal, field)
        return lambda item: str(_comparable(field, field.value(item)) or "").startswith(str(expected))

    def _member(self, name: str) -> Predicate[T]:
        """``name/any(x:x eq 'text')``: the text is one of the values of a collection."""
        opening, variable, symbol, literal, closing = (self._next() for _unused in range(5))
        if (opening, symbol, closing) != ("(", "eq", ")") or not re.fullmatch(r"(\w+):\1", variable):
            raise QueryError("Syntax error: any takes one comparison such as x:x eq 'text', in parentheses.")
        field = self._field(name)
        expected = _literal(name, literal, field)
        return lambda item: expected in [_comparable(field, value) for value in field.value(item)]

    def _field(self, name: str) -> Field[T]:
        field = self._fields.get(name)
        if field is None:
            raise QueryError(f"Could not find a property named '{name}' that can be filtered.")
        return field

    def _comparison(self) -> Predicate[T]:
        name, symbol = self._next(), self._next()
        field = self._field(name)
        if symbol not in self._operators:
            raise QueryError(f"'{symbol}' is not a comparison operator.")
        compare = OPERATORS[symbol]
        if not field.is_moment and symbol not in ("eq", "ne", "in"):
            raise QueryError(f"The operator '{symbol}' cannot be applied to '{name}'.")
        expected = self._list(name, field) if symbol == "in" else _literal(name, self._next(), field)
        return lambda item: compare(_comparable(field, field.value(item)), expected)

    def _list(self, name: str, field: Field[T]) -> list[int | str | None]:
        if self._next() != "(":
            raise QueryError("Syntax error: in takes a list of values, in parentheses.")
        listed = [_literal(name, self._next(), field)]
        while self._accept(","):
            listed.append(_literal(name, self._next(), field))
        if self._next() != ")":
            raise QueryError("Syntax error: a parenthesis is not closed in the filter.")
        return listed

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        if self._position >= len(self._tokens):
            raise QueryError("Syntax error: the filter ends too early.")
        self._position += 1
        return self._tokens[self._position - 1]

    def _accept(self, token: str) -> bool:
        if self._peek() == token:
            self._position += 1
            return True
        return False


def _literal(name: str, literal: str, field: Field[T]) -> int | str | None:
    if field.is_moment:
        try:
            return read_moment(literal)
        except ValueError:
            raise QueryError(f"The value {literal} of '{name}' is not an unquoted date and time.") from None
    if literal == "null":
        return None
    if not literal.startswith("'"):
        raise QueryError(f"The value {literal} of '{name}' must stand in single quotes.")
    text = literal[1:-1].replace("''", "'")
    if field.names is not None and text not in field.names:
        raise QueryError(f"'{text}' is not a value of '{name}'.")
    return str(_comparable(field, text))


def read_moment(literal: str) -> int:
    """Ticks of a moment in a filter, where a date alone is its midnight. ValueError when it is neither."""
    return timestamps.read(f"{literal}T00:00:00Z" if _DATE.fullmatch(literal) else literal)


def _comparable(field: Field[T], value: Any) -> Any:
    return value.casefold() if field.is_caseless and isinstance(value, str) else value
