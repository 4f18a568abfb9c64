# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant whose incidents change while they are read, and which remembers every version and when it was current."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

SECOND = 10_000_000
DAY = 86_400 * SECOND
START = int(datetime(2026, 11, 20, tzinfo=timezone.utc).timestamp()) * SECOND
"""When every history starts: times are ticks of 100 ns since 1970."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z")
_DIGITS = (0, 1, 2, 7)


def written(moment: int, digits: int) -> str:
    """Return the moment with so many fractional digits."""
    seconds, fraction = divmod(moment, SECOND)
    whole = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{fraction:07d}"[: len(whole) + (digits + 1 if digits else 0)] + "Z"


def ticks(text: str) -> int:
    """Return the moment that is written there."""
    match = _MOMENT.fullmatch(text)
    assert match, text
    seconds = int(datetime.fromisoformat(f"{match[1]}+00:00").timestamp())
    return seconds * SECOND + int(f"{match[2] or '':0<7}")


@dataclass
class Version:
    """A state of one incident, current from the request `born` on and before the request `died`."""

    incident: int
    updated: int
    digits: int
    status: str = "Active"
    target: int | None = None
    born: int = 0
    died: int | None = None

    @property
    def key(self) -> tuple[str, int]:
        return str(self.incident), self.updated

    def was_current(self, first: int, last: int) -> bool:
        """Tell whether it was current from the first to the last of these requests."""
        return self.born <= first and (self.died is None or self.died > last)


@dataclass(frozen=True)
class Event:
    """What happens to `count` incidents from `first` on, all at one moment, `gap` ticks after what happened before.

    `kind` is `create`, `update`, `resolve`, or `redirect` for one incident, to the one that is `count` further on. The
    moment is told with `digits` fractional digits, or with more where it stays the same. It shows `late` ticks later.
    """

    kind: str
    gap: int
    count: int = 1
    first: int = 0
    digits: int = 7
    late: int = 0


class MovingTenant:
    """What a service knows of one tenant. `request` counts the requests for incidents; `now` is its clock (ticks)."""

    def __init__(self, now: int = START) -> None:
        self.now = now
        self.request = 0
        self.versions: list[Version] = []
        self.current: dict[int, Version] = {}
        self._to_come: deque[tuple[int, Event]] = deque()

    def expect(self, events: Iterable[tuple[int, Event]]) -> None:
        """Let each event happen once so many more requests have been answered."""
        self._to_come.extend((self.request + after, event) for after, event in events)

    def next_request(self) -> None:
        """Let happen what comes before the next request, and count that."""
        while self._to_come and self._to_come[0][0] <= self.request:
            self.happen(self._to_come.popleft()[1])
        self.request += 1

    def catch_up(self) -> None:
        """Let happen all that was expected."""
        while self._to_come:
            self.happen(self._to_come.popleft()[1])

    def happen(self, event: Event) -> None:
        self.now += event.gap
        if event.kind == "create":
            incidents = range(len(self.current) + 1, len(self.current) + 1 + event.count)
        else:
            count = min(1 if event.kind == "redirect" else event.count, len(self.current))
            incidents = range(event.first, event.first + count)
        for incident in incidents:
            self._change(event, incident if event.kind == "create" else incident % len(self.current) + 1)

    def put(self, incident: int, updated: int, digits: int = 7) -> Version:
        """Let there be a version of an incident that was last updated at that moment."""
        return self._add(Version(incident, updated, digits))

    def _change(self, event: Event, incident: int) -> None:
        step = SECOND // 10**event.digits if event.digits < 7 else 1
        shown = self.now - event.late
        moment = shown - shown % step
        before = self.current.get(incident)
        if before and before.updated >= moment:
            self.now += self.now <= before.updated
            moment = self.now
        version = Version(incident, moment, _telling(moment, incident))
        if before:
            version.status, version.target = before.status, before.target
        if event.kind == "resolve":
            version.status = "Resolved"
        if event.kind == "redirect":
            target = (incident - 1 + event.count) % len(self.current) + 1
            if target != incident:
                version.status, version.target = "Redirected", target
        self._add(version)

    def _add(self, version: Version) -> Version:
        before = self.current.get(version.incident)
        version.born = self.request + 1
        if before:
            before.died = version.born
        self.current[version.incident] = version
        self.versions.append(version)
        return version


def _telling(moment: int, incident: int) -> int:
    """Return a number of digits that tells the moment whole, and differs from incident to incident."""
    enough = [digits for digits in _DIGITS if moment % (SECOND // 10**digits) == 0]
    return enough[incident % len(enough)]
