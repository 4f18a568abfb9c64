# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staying below Microsoft's documented limits, so that the 429 never comes.

Calls are counted in sliding windows of wall-clock time, which holds across processes and runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import files

MINUTE = 61.0
"""Seconds in which the calls of a minute are counted: one more, because a call arrives later than it leaves."""
HOUR = 3601.0
"""Seconds in which the calls of an hour are counted."""

_SHARE_THAT_MATTERS = 10


@dataclass(frozen=True)
class Quota:
    """How many calls one application may make of one tenant. Calls of different names are counted apart."""

    call: str
    per_minute: int
    per_hour: int | None

    @property
    def windows(self) -> list[tuple[int, float]]:
        """Every limit as a number of calls and the seconds in which they are counted."""
        return [(self.per_minute, MINUTE), *([(self.per_hour, HOUR)] if self.per_hour else [])]


# Sources: learn.microsoft.com, api-list-incidents, api-get-incident and api-update-incidents
XDR_LIST = Quota("xdr-list-incidents", per_minute=50, per_hour=1500)
XDR_GET = Quota("xdr-get-incident", per_minute=100, per_hour=1500)
XDR_UPDATE = Quota("xdr-update-incident", per_minute=50, per_hour=1500)
# Source: learn.microsoft.com, Microsoft Graph service-specific throttling limits (which do not name incidents)
GRAPH_SECURITY = Quota("graph-security", per_minute=150, per_hour=None)
# Source: learn.microsoft.com, api-advanced-hunting ("at least 45 calls per minute per tenant"), for both APIs together
HUNTING = Quota("hunting", per_minute=45, per_hour=None)


class Pace:
    """When the calls of each tenant were made. Threads may share it.

    With a `folder`, a 0600 file for each tenant tells other tasks and later runs. `clock` gives seconds since 1970.
    """

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._logs: dict[str, dict[Quota, deque[float]]] = {}

    def take(self, tenant: str, quota: Quota) -> float:
        """Return 0.0 where the call may go now, which counts it; else the seconds until it may, and count nothing."""
        log = self._log(tenant, quota)
        with self._lock:
            now = self._clock()
            # the clock was set back: these can no longer be placed, and waiting for them could take for ever
            while log and log[-1] > now:
                log.pop()
            # what nothing depends on any more: a process may go on for weeks
            while log and log[0] < now - HOUR:
                log.popleft()
            wait = max(_seconds_until_fewer(calls, window, log, now) for calls, window in quota.windows)
            if not wait:
                log.append(now)
        return wait

    def save(self, tenant: str) -> None:
        """Tell other tasks and later runs of the tenant's calls, and learn of theirs."""
        logs = list(self._logs.get(tenant, {}).items())
        if self._folder is None or not logs:
            return
        saved = self._saved(tenant)
        # A fleet of thousands makes few calls in each tenant, which can be forgotten. A task in a single tenant cannot:
        # it may be one turn of a loop.
        if len(self._logs) > 1 and not saved and not self._matter(logs):
            return
        oldest = self._clock() - HOUR
        with self._lock:
            for quota, log in logs:
                everyones = Counter(log) | Counter(saved.get(quota.call, ()))
                log.clear()
                log.extend(sorted(everyones.elements()))
                saved[quota.call] = [moment for moment in log if moment > oldest]
        # at worst a 429 comes after all
        with contextlib.suppress(OSError):
            files.replace_private(self._path(self._folder, tenant), json.dumps(saved), durable=False)

    def _log(self, tenant: str, quota: Quota) -> deque[float]:
        """Return the moments of as many calls as the quota allows: older ones do not decide anything."""
        logs = self._logs.setdefault(tenant, {})
        if quota not in logs:
            moments = self._saved(tenant).get(quota.call, ())
            logs.setdefault(quota, deque(moments, maxlen=max(calls for calls, _window in quota.windows)))
        return logs[quota]

    def _matter(self, logs: list[tuple[Quota, deque[float]]]) -> bool:
        now = self._clock()
        return any(
            _seconds_until_fewer(calls // _SHARE_THAT_MATTERS + 1, window, log, now)
            for quota, log in logs
            for calls, window in quota.windows
        )

    def _saved(self, tenant: str) -> dict[str, list[float]]:
        """Return the moments of the last hour in the tenant's file, in order; nothing from one that is not ours."""
        text = files.read_text(self._path(self._folder, tenant)) if self._folder else None
        if text is None:
            return {}
        now = self._clock()
        try:
            return {
                call: sorted(moment for moment in moments if now - HOUR < moment <= now)
                for call, moments in json.loads(text).items()
            }
        except (ValueError, TypeError, AttributeError, RecursionError):
            return {}

    @staticmethod
    def _path(folder: Path, tenant: str) -> Path:
        return folder / f"{hashlib.sha256(tenant.encode()).hexdigest()}.calls"


def _seconds_until_fewer(calls: int, window: float, log: deque[float], now: float) -> float:
    """Return the seconds until fewer than `calls` calls lie within the window that ends then; 0.0 where it is so."""
    return max(0.0, log[-calls] + window - now) if len(log) >= calls else 0.0
