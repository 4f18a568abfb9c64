# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of a page, each with the text it was sent as: to write that down again is exact, and costs nothing."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from .. import errors
from ..errors import Reason, TenantError

JsonObject = Mapping[str, Any]
"""A JSON object of somebody else's, whose members nobody promises."""

T = TypeVar("T")

_BLANKS = re.compile(r"[ \t\r\n]*")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large to be one")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


# NaN and Infinity would go on into results that nobody could read any more
_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)

MOST_LEVELS = 64
"""How deep a record may be nested that goes to Ansible, whose every step calls itself for each level."""
# JSON has these two only between members, and the others only within strings
_LINE_BREAKS = {"\r": " ", "\n": " ", "\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class Record(dict[str, Any]):
    """A JSON object; `text` is what the service wrote it as."""

    __slots__ = ("text",)

    def __init__(self, members: JsonObject, text: str) -> None:
        super().__init__(members)
        self.text = text

    def line(self) -> str:
        """Return the text as a line of JSON Lines, without anything that str.splitlines() takes for the line's end."""
        line = self.text
        for character, instead in _LINE_BREAKS.items():
            line = line.replace(character, instead)
        return line + "\n"


def check_depth(record: Record, noun: str, remedy: str) -> None:
    """Raise TenantError for a record that is nested more than `MOST_LEVELS` deep."""
    if record.text.count("{") + record.text.count("[") <= MOST_LEVELS:
        return
    layer: list[Any] = [record]
    for _level in range(MOST_LEVELS):
        members = itertools.chain.from_iterable(one.values() if isinstance(one, dict) else one for one in layer)
        layer = [member for member in members if isinstance(member, dict | list)]
        if not layer:
            return
    meaning = f"one of the {noun} is nested more than {MOST_LEVELS} levels deep, which Ansible cannot hand on"
    raise TenantError(Reason(errors.ERROR, meaning, remedy))


def written(value: Any) -> str:
    """Return a JSON value as text that can be encoded: half of a surrogate pair stays escaped."""
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode()


def read_object(text: str) -> Any:
    """Return the value of a JSON text. Raises as `read_page` does."""
    return _read(_DECODER.decode, text)


def read_page(text: str, collection: str = "value") -> JsonObject:
    """Return the JSON object in the text; the objects in its list of the name `collection` are Records.

    Raises ValueError for a text that is no JSON object, and TenantError for one that this Python cannot hold.
    """
    reader = _Reader(text)
    page: dict[str, object] = {}
    for _unused in reader.items("{", "}"):
        name = reader.value()[0]
        reader.expect(":")
        if name == collection and reader.sees("["):
            page[name] = [_record(*reader.value()) for _unused in reader.items("[", "]")]
        elif isinstance(name, str):
            page[name] = reader.value()[0]
        else:
            raise ValueError("the name of a member is no string")
    reader.expect_end()
    return page


def _read(decode: Callable[..., T], *arguments: Any) -> T:
    try:
        return decode(*arguments)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        meaning = "the service sent JSON with a number that cannot be one, or that is nested too deep to be read"
        raise TenantError(Reason(errors.ERROR, meaning, "report it to Microsoft, with the time of this run")) from None


def _record(value: Any, text: str) -> Any:
    return Record(value, text) if isinstance(value, dict) else value


class _Reader:
    """Goes through a JSON text from left to right, and skips the blanks before whatever is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def items(self, opening: str, closing: str) -> Iterator[None]:
        """Stop before each item between the brackets; the caller then reads it."""
        self.expect(opening)
        if not self.sees(closing):
            yield
            while self.sees(","):
                self.expect(",")
                yield
        self.expect(closing)

    def value(self) -> tuple[Any, str]:
        """Return the value that comes next, and its text."""
        start = self._skip_blanks()
        value, self._position = _read(_DECODER.raw_decode, self._text, start)
        return value, self._text[start : self._position]

    def sees(self, mark: str) -> bool:
        return self._text.startswith(mark, self._skip_blanks())

    def expect(self, mark: str) -> None:
        if not self.sees(mark):
            raise ValueError(f"there is no '{mark}' at character {self._position}")
        self._position += len(mark)

    def expect_end(self) -> None:
        if self._skip_blanks() < len(self._text):
            raise ValueError(f"there is more text at character {self._position}")

    def _skip_blanks(self) -> int:
        found = _BLANKS.match(self._text, self._position)
        self._position = found.end() if found else self._position
        return self._position
