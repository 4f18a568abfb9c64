# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of fleets that are under way, and of one that ended."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts


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
    """Return such as `512 of 1000 done, 500 granted, 8 parked, 12 failed, 64/s, 0:08 left`. `now` is monotonic."""
    left = _seconds_left(counts, now)
    return ", ".join([*_counted(counts), _rate(counts, now), *([] if left is None else [f"{_clock(left)} left"])])


def ended(counts: Counts, now: float) -> str:
    """Return such as `1000 of 1000 done, 988 granted, 0 parked, 12 failed, 66/s, in 0:15`. `now` is monotonic."""
    return ", ".join([*_counted(counts), _rate(counts, now), f"in {_clock(now - counts.started_at)}"])


def _counted(counts: Counts) -> list[str]:
    return [
        f"{counts.done} of {counts.total} done",
        f"{counts.granted} granted",
        f"{counts.parked} parked",
        f"{counts.done - counts.granted} failed",
    ]


def _rate(counts: Counts, now: float) -> str:
    rate = _per_second(counts, now)
    return f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


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
