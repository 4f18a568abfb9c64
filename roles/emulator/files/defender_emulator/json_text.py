# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as clients send it and as they are answered.

Half a character (``"\\ud800"``) can stand in JSON and not in UTF-8: it is kept, and written as the escape that it was.
"""

from __future__ import annotations

import json
import math
from typing import Any

from starlette.responses import JSONResponse

# An object that somebody sent: nothing is known of its members before they have been looked at.
JsonObject = dict[str, Any]

# What the JSON encoder can still write, under everything that calls it.
_DEEPEST = 500


def read(content: bytes | str) -> Any:
    """The value that a JSON text describes.

    Raises:
        ValueError: it is not JSON, a number is not finite, or it is nested deeper than 500 levels.
    """
    try:
        value = json.loads(content, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise _too_deep() from None
    level = [value]
    for _depth in range(_DEEPEST + 1):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return value
    raise _too_deep()


def write(value: object) -> bytes:
    """The value as JSON in UTF-8, without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


class JsonResponse(JSONResponse):
    """An answer of any value that ``read`` can give."""

    def render(self, content: Any) -> bytes:
        return write(content)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is not finite")
    return number


def _too_deep() -> ValueError:
    return ValueError(f"it is nested deeper than {_DEEPEST} levels")
