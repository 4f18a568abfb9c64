# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as the APIs write them: ISO 8601, UTC, up to seven fraction digits. Kept as ticks of 100 ns since 1970."""

from __future__ import annotations

import calendar
import re
import time

SECOND = 10_000_000

_PATTERN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7})\d*)?)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE
)

_FIRST = calendar.timegm((1, 1, 1, 0, 0, 0)) * SECOND
_LAST = calendar.timegm((9999, 12, 31, 23, 59, 59)) * SECOND + SECOND - 1


def write(ticks: int, digits: int = 7) -> str:
    """``ticks`` with that many fraction digits (0 to 7); what lies beyond them is cut off.

    What lies before the year 1 or after 9999 is written as the nearest moment that is not.
    """
    seconds, fraction = divmod(min(max(ticks, _FIRST), _LAST), SECOND)
    moment = time.gmtime(seconds)
    whole = f"{moment.tm_year:04}{time.strftime('-%m-%dT%H:%M:%S', moment)}"
    return f"{whole}.{f'{fraction:07}'[:digits]}Z" if digits else f"{whole}Z"


def read(text: str) -> int:
    """Ticks of an ISO 8601 moment with a zone. ValueError when it is none."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a date and time with a time zone")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    parts = tuple(int(part or 0) for part in (year, month, day, hour, minute, second))
    if not (1 <= parts[1] <= 12 and 1 <= parts[2] <= 31 and parts[3] < 24 and parts[4] < 60 and parts[5] < 60):
        raise ValueError(f"'{text}' is not a date and time with a time zone")
    offset = 0
    if zone.upper() != "Z":
        offset = (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60) * (1 if zone[0] == "+" else -1)
    return (calendar.timegm(parts) - offset) * SECOND + int((fraction or "0").ljust(7, "0"))


def now() -> int:
    """This moment."""
    return time.time_ns() // 100
