# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's timestamps: ISO 8601 in UTC with 0 to 7 fractional digits, compared as integers of 100 ns.

Text order is not time order where the number of digits varies, and Python before 3.11 cannot parse seven digits.
"""

from __future__ import annotations

import functools
import re
from datetime import datetime, timedelta, timezone

from .errors import OptionError

TICKS_PER_SECOND = 10_000_000
_ISO = re.compile(
    r"^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?$",
    re.IGNORECASE,
)
_AGO = re.compile(r"^(\d{1,9})\s*([mhd])$", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

FIRST = -62_135_596_800 * TICKS_PER_SECOND
"""The earliest moment that can be written, 0001-01-01T00:00:00Z."""
LAST = 253_402_300_800 * TICKS_PER_SECOND - 1
"""The latest moment that can be written, 9999-12-31T23:59:59.9999999Z."""


# a record is asked for its time more than once, while the pages of other tenants are too
@functools.lru_cache(maxsize=10_000)
def ticks(text: str) -> int:
    """Return an ISO 8601 time as 100 ns since 1970 (UTC where no zone is given). Raises ValueError for other text.

    Times before 1970 are negative. None lies outside the years 1 to 9999 of UTC, for `render` could not write it.
    """
    match = _ISO.match(text.strip())
    if not match:
        raise ValueError(f"'{text}' is not an ISO 8601 time")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=timezone.utc
    )
    whole = (moment - _EPOCH - _offset(zone)) // timedelta(seconds=1)
    value = whole * TICKS_PER_SECOND + int(f"{fraction or '':0<7}"[:7])
    if not FIRST <= value <= LAST:
        raise ValueError(f"'{text}' is outside the years 1 to 9999 of UTC")
    return value


def ticks_or_none(value: object) -> int | None:
    """Return the ticks of a time in a record, None for one that is missing or cannot be read."""
    try:
        return ticks(str(value))
    except ValueError:
        return None


def render(value: int) -> str:
    """Return ticks as the services write them: 2026-11-20T00:00:00.0000000Z."""
    seconds, fraction = divmod(value, TICKS_PER_SECOND)
    return f"{_whole_seconds(seconds)}.{fraction:07d}Z"


def render_seconds(value: float) -> str:
    """Return seconds since 1970 as 2026-11-20T00:00:00Z."""
    return f"{_whole_seconds(int(value))}Z"


def option_ticks(option: str, text: str, now: float) -> int:
    """Return the moment an option names: an ISO 8601 time, or an age such as 90m, 24h or 7d before `now` (seconds).

    Raises OptionError for anything else.
    """
    age = _AGO.match(text.strip())
    try:
        seconds = now - timedelta(**{_UNITS[age[2]]: int(age[1])}).total_seconds() if age else 0
        value = int(seconds * TICKS_PER_SECOND) if age else ticks(text)
        render(value)
        return value
    except (ValueError, OverflowError):
        raise OptionError(
            f"{option} '{text}' is not a time: write 2026-11-20T08:00:00Z, or an age such as 90m, 24h or 7d"
        ) from None


def option_seconds(option: str, text: str) -> float:
    """Return how many seconds a duration such as 90m, 24h or 30d is. Raises OptionError for anything else."""
    duration = _AGO.match(text.strip())
    if not duration:
        raise OptionError(f"{option} '{text}' is not a duration: write it as 90m, 24h or 30d")
    return timedelta(**{_UNITS[duration[2]]: int(duration[1])}).total_seconds()


def _whole_seconds(seconds: int) -> str:
    # strftime would write the year 987 with three digits
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="seconds")[:19]


def _offset(zone: str | None) -> timedelta:
    if not zone or zone in "Zz":
        return timedelta()
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset
