# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``Timespan`` of a hunting query: a moment, a duration, or two of them with a slash between, in ISO 8601.

Source: learn.microsoft.com, security-security-runhuntingquery.
"""

from __future__ import annotations

import re

from defender_emulator import timestamps
from defender_emulator.timestamps import SECOND

_DURATION = re.compile(r"P(?!$)(?:(\d+)W)?(?:(\d+)D)?(?:T(?!$)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_SECONDS = (7 * 86400, 86400, 3600, 60, 1)
_LOOK_BACK = 30 * 86400 * SECOND


def read_timespan(text: str | None, now: int) -> tuple[int, int]:
    """From when until when a query looks, in ticks; it never looks back more than 30 days.

    ValueError when the text is none of the forms: ``P7D``, ``P7D/END``, ``START``, ``START/P7D`` or ``START/END``.
    """
    first, slash, last = (text or "P30D").partition("/")
    if not slash:
        since, until = (now - _duration(first) if first.startswith("P") else timestamps.read(first)), now
    elif first.startswith("P"):
        until = timestamps.read(last)
        since = until - _duration(first)
    else:
        since = timestamps.read(first)
        until = since + _duration(last) if last.startswith("P") else timestamps.read(last)
    return max(since, now - _LOOK_BACK), until


def _duration(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a duration of weeks, days, hours, minutes and seconds")
    return sum(int(number or 0) * seconds for number, seconds in zip(match.groups(), _SECONDS, strict=True)) * SECOND
