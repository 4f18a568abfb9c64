# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a hunting query compares: values with values, texts with parts of them, and either with lists.

Source: learn.microsoft.com, kusto/query/datatypes-string-operators.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable
from typing import Any

from defender_emulator.kusto.tokens import Token, semantic_error
from defender_emulator.kusto.values import (
    BOOL,
    DYNAMIC,
    LONG,
    REAL,
    STRING,
    Expression,
    Row,
    are_comparable,
    ordinal,
)

Test = Callable[[str, str], bool]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compare(token: Token, left: Expression, right: Expression) -> Expression:
    """``left`` and ``right`` by one of ``COMPARISONS``. What is missing is less than nothing, and equal to nothing."""
    if not are_comparable(left.kind, right.kind):
        problem = f"Cannot compare values of types {left.kind} and {right.kind}. Try adding explicit casts"
        raise semantic_error(problem, right.token)
    test, key = COMPARISONS[token.spelling], ordinal(left.kind)
    missing = token.spelling == "!="

    def value(row: Row) -> bool:
        one, other = left.value(row), right.value(row)
        return missing if one is None or other is None else test(key(one), key(other))

    return Expression(BOOL, value, token)


def compare_texts(token: Token, left: Expression, right: Expression) -> Expression:
    """``left`` and ``right`` by one of ``TEXT_OPERATORS``."""
    for one in (left, right):
        _want_text(token, one)
    test = TEXT_OPERATORS[token.spelling]
    return Expression(BOOL, lambda row: test(left.value(row), right.value(row)), token)


def compare_list(token: Token, left: Expression, listed: list[Expression]) -> Expression:
    """``left`` and a list by one of ``LIST_OPERATORS``; a dynamic value in the list stands for what is in it."""
    word = token.spelling
    if word in _PARTS_OF_TEXTS:
        for one in (left, *(one for one in listed if one.kind != DYNAMIC)):
            _want_text(token, one)
        test, every = _has, all if word == "has_all" else any
        return Expression(
            BOOL,
            lambda row: every(test(left.value(row), part) for part in _values(listed, row, STRING)),
            token,
        )
    if word.endswith("~"):
        _want_text(token, left)
    for one in listed:
        if one.kind != DYNAMIC and not are_comparable(left.kind, one.kind):
            problem = f"Cannot compare values of types {left.kind} and {one.kind}. Try adding explicit casts"
            raise semantic_error(problem, one.token)
    wanted = not word.startswith("!")
    key = str.casefold if word.endswith("~") else ordinal(left.kind)
    if all(one.constant for one in listed):
        known = {key(value) for value in _values(listed, (), left.kind)}
        return Expression(BOOL, lambda row: (key(left.value(row)) in known) is wanted, token)

    def value(row: Row) -> bool:
        return (key(left.value(row)) in [key(value) for value in _values(listed, row, left.kind)]) is wanted

    return Expression(BOOL, value, token)


def between(token: Token, left: Expression, lower: Expression, upper: Expression) -> Expression:
    """Whether ``left`` lies between, both included; or, for ``!between``, does not."""
    for one in (lower, upper):
        if not are_comparable(left.kind, one.kind):
            problem = f"Cannot compare values of types {left.kind} and {one.kind}. Try adding explicit casts"
            raise semantic_error(problem, one.token)
    key, wanted = ordinal(left.kind), not token.spelling.startswith("!")

    def value(row: Row) -> bool:
        first, one, last = (key(part.value(row)) for part in (lower, left, upper))
        return one is not None and first is not None and last is not None and (first <= one <= last) is wanted

    return Expression(BOOL, value, token)


def matches_regex(token: Token, left: Expression, right: Expression) -> Expression:
    """Whether a regular expression, which is a constant, is found in the text."""
    for one in (left, right):
        _want_text(token, one)
    try:
        found = re.compile(right.value(())).search
    except (re.error, IndexError, RecursionError):
        raise semantic_error("'matches regex' operator: the regular expression cannot be read", right.token) from None
    return Expression(BOOL, lambda row: found(left.value(row)) is not None, token)


def _want_text(token: Token, one: Expression) -> None:
    if one.kind != STRING:
        problem = f"'{token.spelling}' cannot be applied to values of type {one.kind}"
        raise semantic_error(problem, one.token)


def _values(listed: list[Expression], row: Row, kind: str) -> list[Any]:
    """What is listed, of a dynamic value those parts that are of the kind."""
    values: list[Any] = []
    for one in listed:
        value = one.value(row)
        if one.kind != DYNAMIC:
            values.append(value)
        elif isinstance(value, list):
            values.extend(part for part in value if type(part) in _PARTS.get(kind, ()))
    return [value for value in values if value is not None]


@functools.lru_cache(maxsize=1024)
def _term(term: str, before: str, after: str, caseless: bool) -> re.Pattern[str]:
    # A term is a run of letters and digits; the text must have it whole, or from its beginning, or to its end.
    return re.compile(before + re.escape(term) + after, re.IGNORECASE if caseless else 0)


_BEFORE, _AFTER = r"(?<![^\W_])", r"(?![^\W_])"


def _has(text: str, term: str) -> bool:
    return _term(term, _BEFORE, _AFTER, True).search(text) is not None


def _has_exactly(text: str, term: str) -> bool:
    return _term(term, _BEFORE, _AFTER, False).search(text) is not None


def _caseless(test: Test) -> Test:
    return lambda text, part: test(text.casefold(), part.casefold())


def _not(test: Test) -> Test:
    return lambda text, part: not test(text, part)


def _contains(text: str, part: str) -> bool:
    return part in text


_PARTS: dict[str, tuple[type, ...]] = {STRING: (str,), LONG: (int, float), REAL: (int, float)}
_POSITIVE: dict[str, Test] = {
    "contains": _caseless(_contains),
    "contains_cs": _contains,
    "has": _has,
    "has_cs": _has_exactly,
    "hasprefix": lambda text, term: _term(term, _BEFORE, "", True).search(text) is not None,
    "hassuffix": lambda text, term: _term(term, "", _AFTER, True).search(text) is not None,
    "startswith": _caseless(str.startswith),
    "startswith_cs": str.startswith,
    "endswith": _caseless(str.endswith),
    "endswith_cs": str.endswith,
}
TEXT_OPERATORS: dict[str, Test] = {
    **_POSITIVE,
    **{f"!{word}": _not(test) for word, test in _POSITIVE.items()},
    "=~": _caseless(operator.eq),
    "!~": _caseless(operator.ne),
}
_PARTS_OF_TEXTS = ("has_any", "has_all")
LIST_OPERATORS = ("in", "!in", "in~", "!in~", *_PARTS_OF_TEXTS)
