# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work for many tenants side by side: each ends in its own outcome, and none holds a thread while it waits."""

from __future__ import annotations

import gc
import heapq
import itertools
import math
import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from .errors import Postponed
from .outcomes import Outcome, R_co, Tenant, Work, outcome_of
from .waiting import clock

_PROGRESS_SECONDS = 0.2
_LONGEST_SLEEP_SECONDS = 1.0
"""A signal that the system gives to another thread is handled only when this one wakes up."""
_OBJECTS_BETWEEN_COLLECTIONS = 100_000


@dataclass(frozen=True)
class Counts:
    """How far a fleet is: `done` tenants have their outcome, and `parked` ones wait, the last until `resumes_at`.

    Moments are those of time.monotonic(), which is one clock for all processes of a machine.
    """

    total: int
    done: int
    granted: int
    parked: int
    started_at: float
    resumes_at: float | None


Progress = Callable[[Counts], None]
"""Is told how far a fleet is, five times a second and once at the end. It must neither wait nor raise."""


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Look for cycles less often: the objects of JSON have none, and to walk them over and over takes a tenth."""
    usual = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@_collecting_rarely()
def run(
    work: Iterable[tuple[Tenant, Work[R_co]]], concurrency: int, progress: Progress | None = None
) -> list[Outcome[R_co]]:
    """Run the work of all tenants in at most `concurrency` threads and return the outcomes in the order given."""
    started_at = clock.monotonic()
    tell_at = started_at + _PROGRESS_SECONDS if progress else math.inf
    jobs = list(work)
    outcomes: list[Outcome[R_co] | None] = [None] * len(jobs)
    parked: list[tuple[float, int, int]] = []
    # no SimpleQueue: woken in the moment that its time is over, that one can wait for ever
    done: queue.Queue[tuple[int, Future[R_co]]] = queue.Queue()
    sequence = itertools.count()
    unfinished = len(jobs)
    pool = ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(jobs))))

    def start(index: int) -> None:
        pool.submit(jobs[index][1]).add_done_callback(lambda future: done.put((index, future)))

    try:
        for index in range(len(jobs)):
            start(index)
        while unfinished:
            now = clock.monotonic()
            while parked and parked[0][0] <= now:
                start(heapq.heappop(parked)[2])
            if progress and tell_at <= now:
                progress(_counts(outcomes, parked, started_at))
                tell_at = now + _PROGRESS_SECONDS
            wake_at = min(tell_at, parked[0][0] if parked else math.inf, now + _LONGEST_SLEEP_SECONDS)
            try:
                index, future = done.get(timeout=wake_at - now)
            except queue.Empty:
                continue
            try:
                outcomes[index] = outcome_of(jobs[index][0], future.result)
                unfinished -= 1
            except Postponed as wait:
                heapq.heappush(parked, (clock.monotonic() + wait.seconds, next(sequence), index))
    finally:
        # a task's timeout or a Ctrl-C must not wait for calls that are under way
        pool.shutdown(wait=False, cancel_futures=True)
        if progress:
            progress(_counts(outcomes, parked, started_at))
    return [outcome for outcome in outcomes if outcome]


def _counts(
    outcomes: Sequence[Outcome[object] | None], parked: list[tuple[float, int, int]], started_at: float
) -> Counts:
    ended = [outcome for outcome in outcomes if outcome]
    return Counts(
        total=len(outcomes),
        done=len(ended),
        granted=sum(outcome.reason is None for outcome in ended),
        parked=len(parked),
        started_at=started_at,
        resumes_at=max((not_before for not_before, _order, _index in parked), default=None),
    )
