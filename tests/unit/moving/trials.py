# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One history read by the collection, or by the naive reader, and what that lost, repeated and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.scripted_entra import TENANT, ScriptedEntra
from unit.moving.histories import History, Poll
from unit.moving.naive_reader import NaiveReader
from unit.moving.polls import ACCESS, Death, Killed, Poller
from unit.moving.tenant import DAY, SECOND, START, MovingTenant, Version, ticks, written

Key = tuple[str, int]
_AT_LAST = Poll([], None, True)
_MOST_LAST_POLLS = 10


@dataclass(frozen=True)
class Tally:
    """`owed` versions stood still during a whole read that ended well, and of those `lost` were never handed over."""

    owed: list[Version]
    lost: list[Version]
    handed_over: int
    repeated: int
    requests: int


@dataclass(frozen=True)
class Finished:
    """A read that ended well: its first and last request, and the moments at which it says it left something out."""

    first: int
    last: int
    left_out: Collection[int]

    @classmethod
    def of(cls, outcome: dict[str, Any], first: int, tenant: MovingTenant) -> Finished:
        """Return the read that began with the request `first` and has just ended."""
        return cls(first, tenant.request, {ticks(left_out["updated"]) for left_out in outcome["quarantined"]})

    def owes(self, version: Version) -> bool:
        return version.was_current(self.first, self.last) and version.updated not in self.left_out


def read_by_ours(moving: ScriptedEntra, folder: Path, api: str, history: History) -> Tally:
    """Let the operation read the tenant while the history goes on, and once more when it is over."""
    tenant = history.begin()
    moving.server.tenants = {TENANT: (tenant, history.manner)}
    poller = Poller(moving, folder, api, lambda: tenant.now / SECOND + history.skew)
    poller.page_size, poller.portion_seconds = history.page_size, history.portion_seconds
    poller.options = {"alerts": history.alerts}

    def read(poll: Poll) -> set[int] | None:
        death = None if poll.dies_after is None else Death(poll.dies_after, poll.tidies)
        try:
            outcome = poller.poll(death)[TENANT]
        except Killed:
            return None
        if outcome["state"] != "granted":
            return None
        return {ticks(left_out["updated"]) for left_out in outcome["quarantined"]}

    finished = _live_through(history, tenant, read)
    handed_over = poller.handed_over(TENANT)
    tally = tally_of(tenant, finished, [(record.id, record.updated) for record in handed_over])
    with_alerts = {record.id: record.has_alerts for record in handed_over}
    targets = {str(version.target) for version in tally.owed if version.target is not None}
    assert targets <= with_alerts.keys(), "a redirection was not followed"
    assert not history.alerts or all(with_alerts.values()), "the last of an incident came without its alerts"
    return tally


def read_by_naive(moving: ScriptedEntra, api: str, history: History) -> Tally:
    """Let the naive reader do the same."""
    tenant = history.begin()
    moving.server.tenants = {TENANT: (tenant, history.manner)}
    token = moving.token(tid=TENANT, **ACCESS[api])
    reader = NaiveReader(
        moving.server.url, moving.server.ca_path, token, api, history.page_size, written(START - 30 * DAY, 0)
    )
    finished = _live_through(history, tenant, lambda poll: set() if reader.poll(poll.dies_after) else None)
    return tally_of(tenant, finished, [(identity, ticks(updated)) for identity, updated in reader.handed_over])


def _live_through(history: History, tenant: MovingTenant, read: Callable[[Poll], set[int] | None]) -> list[Finished]:
    """Return the reads that ended well; `read` gives the moments of what it says it left out, None where it did not."""
    finished = []

    def live(poll: Poll) -> bool:
        tenant.now += 60 * SECOND
        tenant.expect(poll.events)
        first = tenant.request + 1
        left_out = read(poll)
        if left_out is not None:
            finished.append(Finished(first, tenant.request, left_out))
        tenant.catch_up()
        return left_out is not None

    for poll in history.polls:
        live(poll)
    history.manner.heal()
    assert any(live(_AT_LAST) for _unused in range(_MOST_LAST_POLLS)), "no read came to an end"
    return finished


def tally_of(tenant: MovingTenant, finished: list[Finished], handed_over: list[Key]) -> Tally:
    """Return what of a tenant was lost, when these reads ended well and these versions were handed over."""
    times = Counter(handed_over)
    owed = [
        version
        for version in tenant.versions
        if version.updated > START - 30 * DAY and any(read.owes(version) for read in finished)
    ]
    lost = [version for version in owed if version.key not in times]
    return Tally(owed, lost, len(handed_over), len(handed_over) - len(times), tenant.request)
