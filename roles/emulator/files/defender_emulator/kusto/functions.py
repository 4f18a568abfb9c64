# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions of a hunting query that make one value of others.

Source: learn.microsoft.com, kusto/query/scalar-functions: those that public hunting queries use most.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from defender_emulator import timestamps
from defender_emulator.kusto.tokens import Token, read_moment, semantic_error
from defender_emulator.kusto.values import (
    BOOL,
    DYNAMIC,
    LONG,
    MOMENT,
    REAL,
    SPAN,
    STRING,
    Expression,
    as_text,
    ordinal,
)
from defender_emulator.timestamps import SECOND

_ANY = "a value of any kind"
_DAY = 86400 * SECOND


@dataclass(frozen=True)
class _Function:
    """Kinds of the arguments, of which the last ones may be left out; kind of the result; and what it does."""

    arguments: tuple[str, ...]
    result: str
    apply: Callable[..., Any]
    optional: int = 0


def call(token: Token, arguments: list[Expression], now: int) -> Expression:
    """The function that ``token`` names, of these arguments. HuntingError when there is none, or it takes others."""
    name = token.spelling
    if name in _SPECIAL:
        return _SPECIAL[name](token, arguments)
    if name in ("now", "ago"):
        back = _checked(token, arguments, (SPAN,), optional=1 if name == "now" else 0)
        sign = 1 if name == "now" else -1
        shift = back[0].value(()) if back else 0
        return Expression(MOMENT, _constant(timestamps.write(now + sign * shift)), token, constant=True)
    function = _FUNCTIONS.get(name)
    if function is None:
        raise semantic_error(f"Unknown function: '{name}'", token)
    given = [one.value for one in _checked(token, arguments, function.arguments, function.optional)]
    apply = function.apply
    constant = all(one.constant for one in arguments)
    named = arguments[0].name if arguments else ""
    return Expression(function.result, lambda row: apply(*(one(row) for one in given)), token, named, constant)


def _checked(token: Token, given: list[Expression], kinds: tuple[str, ...], optional: int = 0) -> list[Expression]:
    if not len(kinds) - optional <= len(given) <= len(kinds):
        raise semantic_error(f"Function '{token.spelling}' cannot be called with {len(given)} arguments", token)
    for one, kind in zip(given, kinds[: len(given)], strict=True):
        if kind not in (_ANY, one.kind):
            raise semantic_error(
                f"Function '{token.spelling}' expects {kind} and cannot be called with {one.kind}", one.token
            )
    return given


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _row: value


def _iff(token: Token, given: list[Expression]) -> Expression:
    if len(given) < 3 or len(given) % 2 == 0 or (token.spelling != "case" and len(given) != 3):
        raise semantic_error(f"Function '{token.spelling}' cannot be called with {len(given)} arguments", token)
    results = [*given[1::2], given[-1]]
    for condition in given[:-1:2]:
        if condition.kind != BOOL:
            raise semantic_error(f"Function '{token.spelling}' expects a condition", condition.token)
    if len({one.kind for one in results}) > 1:
        raise semantic_error(f"Function '{token.spelling}' expects results of one kind", token)
    pairs = list(zip((one.value for one in given[:-1:2]), (one.value for one in given[1::2]), strict=True))
    otherwise = given[-1].value

    def value(row: Any) -> Any:
        for condition, result in pairs:
            if condition(row):
                return result(row)
        return otherwise(row)

    return Expression(given[-1].kind, value, token)


def _strcat(token: Token, given: list[Expression]) -> Expression:
    parts = [(one.kind, one.value) for one in given]
    constant = all(one.constant for one in given)
    return Expression(
        STRING, lambda row: "".join(as_text(kind, value(row)) for kind, value in parts), token, constant=constant
    )


def _coalesce(token: Token, given: list[Expression]) -> Expression:
    if not given or len({one.kind for one in given}) > 1:
        raise semantic_error("Function 'coalesce' expects values of one kind", token)
    values = [one.value for one in given]
    missing = "" if given[0].kind == STRING else None

    def value(row: Any) -> Any:
        return next((found for one in values if (found := one(row)) not in (None, "")), missing)

    return Expression(given[0].kind, value, token)


def _tostring(token: Token, given: list[Expression]) -> Expression:
    [one] = _checked(token, given, (_ANY,))
    return Expression(STRING, lambda row: as_text(one.kind, one.value(row)), token, one.name, one.constant)


def _bin(token: Token, given: list[Expression]) -> Expression:
    kinds = tuple(one.kind for one in given)
    if kinds not in ((MOMENT, SPAN), (SPAN, SPAN), (LONG, LONG)):
        raise semantic_error("Function 'bin' expects a number, moment or span, and a step that goes with it", token)
    value, step = (one.value for one in given)
    ticks = ordinal(kinds[0])

    def cut(row: Any) -> Any:
        whole, size = ticks(value(row)), step(row)
        if whole is None or not size or size < 0:
            return None
        lower = whole // size * size
        return timestamps.write(lower) if kinds[0] == MOMENT else lower

    return Expression(kinds[0], cut, token, given[0].name)


def _to_long(value: Any) -> int | None:
    try:
        return int(float(value)) if not isinstance(value, int) else int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _to_real(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _to_moment(value: Any) -> str | None:
    try:
        return timestamps.write(read_moment(value))
    except (AttributeError, TypeError, ValueError):
        return None


def _start_of_day(moment: str | None) -> str | None:
    return None if moment is None else timestamps.write(timestamps.read(moment) // _DAY * _DAY)


def _substring(text: str, start: int | None, length: int | None = None) -> str:
    first = max(0, start or 0)
    return text[first:] if length is None else text[first : first + max(0, length)]


def _extract(pattern: str, group: int, text: str) -> str:
    try:
        match = re.search(pattern, text)
        return (match[group] or "") if match else ""
    except (re.error, IndexError):
        return ""


_SPECIAL: dict[str, Callable[[Token, list[Expression]], Expression]] = {
    "iff": _iff,
    "iif": _iff,
    "case": _iff,
    "strcat": _strcat,
    "coalesce": _coalesce,
    "tostring": _tostring,
    "bin": _bin,
}
_FUNCTIONS = {
    "not": _Function((BOOL,), BOOL, lambda value: not value),
    "isempty": _Function((_ANY,), BOOL, lambda value: value in (None, "")),
    "isnotempty": _Function((_ANY,), BOOL, lambda value: value not in (None, "")),
    "isnull": _Function((_ANY,), BOOL, lambda value: value is None),
    "isnotnull": _Function((_ANY,), BOOL, lambda value: value is not None),
    "tolower": _Function((STRING,), STRING, str.lower),
    "toupper": _Function((STRING,), STRING, str.upper),
    "strlen": _Function((STRING,), LONG, len),
    "substring": _Function((STRING, LONG, LONG), STRING, _substring, optional=1),
    "replace_string": _Function((STRING, STRING, STRING), STRING, str.replace),
    "extract": _Function((STRING, LONG, STRING), STRING, _extract),
    "toint": _Function((_ANY,), LONG, _to_long),
    "tolong": _Function((_ANY,), LONG, _to_long),
    "todouble": _Function((_ANY,), REAL, _to_real),
    "toreal": _Function((_ANY,), REAL, _to_real),
    "todatetime": _Function((_ANY,), MOMENT, _to_moment),
    "startofday": _Function((MOMENT,), MOMENT, _start_of_day),
    "array_length": _Function((DYNAMIC,), LONG, lambda value: len(value) if isinstance(value, list) else None),
}
