# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of fleets that are under way, and of one that ended, in the room that there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ansible_collections.mssp.defender.plugins.module_utils._core.cells import PlainCells
from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts

_NARROWEST_BAR, _WIDEST_BAR = 10, 40
_SHORTEST_NAME = 6
_GAPS = 2


class Line(NamedTuple):
    """A name, a bar of so many columns, and a text, with a blank between each two: the name may be empty."""

    name: str
    width: int
    text: str


def together(fleets: Sequence[Counts]) -> Counts:
    """Return the counts of several fleets as those of one."""
    waits = [counts.resumes_at for counts in fleets if counts.resumes_at is not None]
    return Counts(
        total=sum(counts.total for counts in fleets),
        done=sum(counts.done for counts in fleets),
        granted=sum(counts.granted for counts in fleets),
        parked=sum(counts.parked for counts in fleets),
        started_at=min(counts.started_at for counts in fleets),
        resumes_at=max(waits, default=None),
    )


def under_way(counts: Counts, now: float) -> str:
    """Return such as `512 of 1000 customers, 500 granted, 12 not granted, 8 waiting, 64/s, 0:08 left`.

    A customer has been done who is granted or not. `now` is monotonic.
    """
    return next(_under_way(counts, now))


def ended(counts: Counts, now: float) -> str:
    """Return such as `1000 of 1000 customers, 988 granted, 12 not granted, 66/s, in 0:15`. `now` is monotonic."""
    took = f"in {_clock(now - counts.started_at)}"
    return ", ".join([f"{_done(counts)} customers", *_ends(counts), *_waiting(counts), *_rate(counts, now), took])


def fitted(name: str, counts: Counts, now: float, columns: int) -> Line:
    """Return what fits into so many columns, of which 25 are enough for the least: how many of how many are done."""
    cells = PlainCells()
    least_name = min(_SHORTEST_NAME, cells.width(name))
    texts = list(_under_way(counts, now))
    text = next((each for each in texts if columns >= least_name + _NARROWEST_BAR + len(each) + _GAPS), texts[-1])
    room = columns - len(text) - _GAPS
    width = max(_NARROWEST_BAR, min(_WIDEST_BAR, room - cells.width(name)))
    return Line(_shortened(name, max(0, room - width)), width, text)


def _under_way(counts: Counts, now: float) -> Iterator[str]:
    """Yield what there is to say, and then the same with less and less of it: the rest of the time goes last."""
    left = _seconds_left(counts, now)
    done, ends, waiting, rate = _done(counts), _ends(counts), _waiting(counts), _rate(counts, now)
    until = [] if left is None else [f"{_clock(left)} left"]
    for parts in (
        [f"{done} customers", *ends, *waiting, *rate, *until],
        [f"{done} customers", *ends, *waiting, *until],
        [done, *ends, *waiting, *until],
        [done, *ends, *until],
        [done, *ends[:1], *until],
        [done, *until],
        [done],
    ):
        yield ", ".join(parts)


def _done(counts: Counts) -> str:
    return f"{counts.done} of {counts.total}"


def _ends(counts: Counts) -> list[str]:
    others = counts.done - counts.granted
    return [f"{counts.granted} granted", *([f"{others} not granted"] if others else [])]


def _waiting(counts: Counts) -> list[str]:
    return [f"{counts.parked} waiting"] if counts.parked else []


def _shortened(name: str, room: int) -> str:
    cells = PlainCells()
    if cells.width(name) <= room:
        return name
    kept = name
    while kept and cells.width(kept) >= room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…" if kept else ""


def _rate(counts: Counts, now: float) -> list[str]:
    rate = _per_second(counts, now)
    return [f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"] if counts.done else []


def _per_second(counts: Counts, now: float) -> float:
    return counts.done / max(now - counts.started_at, 0.001)


def _seconds_left(counts: Counts, now: float) -> float | None:
    """Return the time that the rest takes at the rate so far, and no less than a parked tenant has to wait."""
    waiting = [] if counts.resumes_at is None else [max(0.0, counts.resumes_at - now)]
    working = [(counts.total - counts.done) / _per_second(counts, now)] if counts.done else []
    return max(waiting + working, default=None)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
