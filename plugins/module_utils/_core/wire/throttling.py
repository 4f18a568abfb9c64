# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which quota is used up and how long a caller has to wait, read from a 429 in every form Microsoft sends one."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_QUOTA = re.compile(r"maximum allowed (\d{1,9}) per ((\d{1,4}):(\d\d):(\d\d))", re.IGNORECASE)
_QUOTA_NAMES = {60.0: "minute quota", 3600.0: "hourly quota"}

# Source: learn.microsoft.com, advanced-hunting-errors, whose sentence does not say CPU; others in use do
_CPU = re.compile("cpu|processing resources", re.IGNORECASE)
_AGAIN = re.compile(r"again in ((\d{1,4}):(\d\d):(\d\d))", re.IGNORECASE)
_CPU_CYCLE = 900.0


def retry_after(headers: Mapping[str, str], body: str, now: float | None = None) -> float | None:
    """Return the seconds to wait, or None where the reply does not tell.

    Read from `Retry-After` (seconds or an HTTP date), else from the body: `maximum allowed 45 per 00:01:00` names the
    window that must pass, `again in 00:15:00` the time itself; hunting's CPU quota starts anew every 15 minutes.
    `headers` must ignore the case of names. Source: learn.microsoft.com, api-list-incidents, api-advanced-hunting.
    """
    header = (headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", header):
        return float(header)
    if header:
        try:
            return max(0.0, parsedate_to_datetime(header).timestamp() - (time.time() if now is None else now))
        except (ValueError, TypeError, OverflowError):
            pass
    if said := _QUOTA.search(body):
        return _seconds(said[3], said[4], said[5])
    if said := _AGAIN.search(body):
        return _seconds(said[2], said[3], said[4])
    return _CPU_CYCLE if _CPU.search(body) else None


def quota_name(body: str) -> str | None:
    """Return the quota that the body of a 429 names, such as `hourly quota of 1500 calls`; None where it names none."""
    if _CPU.search(body):
        return "CPU quota"
    quota = _QUOTA.search(body)
    if not quota:
        return None
    name = _QUOTA_NAMES.get(_seconds(quota[3], quota[4], quota[5]))
    return f"{name} of {quota[1]} calls" if name else f"quota of {quota[1]} calls in {quota[2]}"


def _seconds(hours: str, minutes: str, seconds: str) -> float:
    return float(int(hours) * 3600 + int(minutes) * 60 + int(seconds))
