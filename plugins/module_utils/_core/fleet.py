# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work for many tenants side by side: each ends in its own outcome, and none holds a thread while it waits."""

from __future__ import annotations

import heapq
import itertools
import math
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from . import errors, showing
from .characters import plain
from .errors import OptionError, Postponed, Reason, TenantError

T = TypeVar("T")
Work = Callable[[], dict[str, Any]]
"""Returns one tenant's result. It may raise Postponed, and is then called again to go on where it stopped."""

_PROGRESS_SECONDS = 0.2


@dataclass(frozen=True)
class Tenant:
    """A customer: the name the operator gave it, and its tenant id (a GUID or a domain).

    `fault` is why nothing can be done for it, whatever its id.
    """

    name: str
    tenant_id: str
    fault: Reason | None = None


@dataclass(frozen=True)
class Outcome:
    """How one tenant's work ended. `reason` is None for `granted`; `result` is what the work returned, if it did."""

    tenant: Tenant
    reason: Reason | None
    result: dict[str, Any]

    @property
    def state(self) -> str:
        return self.reason.state if self.reason else errors.GRANTED

    def sentence(self) -> str:
        """Return what happened, to which tenant, why, and who must do what."""
        label = tenant_id = showing.plain(self.tenant.tenant_id)
        if self.tenant.name != self.tenant.tenant_id:
            label = f"{plain(self.tenant.name)} ({tenant_id})" if tenant_id else plain(self.tenant.name)
        if self.reason is None:
            return f"{label} is granted"
        code = f" ({self.reason.code})" if self.reason.code else ""
        who = self.reason.acts
        remedy = f"{who}: {self.reason.remedy}" if who != errors.NOBODY else self.reason.remedy
        return f"{label} is {self.state}: {self.reason.meaning}{code}; {remedy}."

    def to_result(self) -> dict[str, Any]:
        """Return the outcome as it stands in results."""
        base: dict[str, Any] = {
            "name": self.tenant.name,
            "tenant_id": self.tenant.tenant_id,
            "state": self.state,
            "msg": self.sentence(),
        }
        return base | (self.reason.to_result() if self.reason else {}) | self.result


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


def run(work: Iterable[tuple[Tenant, Work]], concurrency: int, progress: Progress | None = None) -> list[Outcome]:
    """Run the work of all tenants in at most `concurrency` threads and return the outcomes in the order given."""
    started_at = time.monotonic()
    tell_at = started_at + _PROGRESS_SECONDS if progress else math.inf
    jobs = list(work)
    outcomes: list[Outcome | None] = [None] * len(jobs)
    parked: list[tuple[float, int, int]] = []
    # no SimpleQueue: woken in the moment that its time is over, that one can wait for ever
    done: queue.Queue[tuple[int, Future[dict[str, Any]]]] = queue.Queue()
    sequence = itertools.count()
    unfinished = len(jobs)
    pool = ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(jobs))))

    def start(index: int) -> None:
        pool.submit(jobs[index][1]).add_done_callback(lambda future: done.put((index, future)))

    try:
        for index in range(len(jobs)):
            start(index)
        while unfinished:
            now = time.monotonic()
            while parked and parked[0][0] <= now:
                start(heapq.heappop(parked)[2])
            if progress and tell_at <= now:
                progress(_counts(outcomes, parked, started_at))
                tell_at = now + _PROGRESS_SECONDS
            wake_at = min(tell_at, parked[0][0] if parked else math.inf)
            try:
                index, future = done.get(timeout=None if wake_at == math.inf else wake_at - now)
            except queue.Empty:
                continue
            try:
                outcomes[index] = outcome_of(jobs[index][0], future.result)
                unfinished -= 1
            except Postponed as wait:
                heapq.heappush(parked, (time.monotonic() + wait.seconds, next(sequence), index))
    finally:
        # a task's timeout or a Ctrl-C must not wait for calls that are under way
        pool.shutdown(wait=False, cancel_futures=True)
        if progress:
            progress(_counts(outcomes, parked, started_at))
    return [outcome for outcome in outcomes if outcome]


def outcome_of(tenant: Tenant, work: Work) -> Outcome:
    """Do the work and return the outcome that its return or its error amounts to. Raises Postponed."""
    try:
        return Outcome(tenant, None, work())
    except TenantError as error:
        return Outcome(tenant, error.reason, error.details)
    except OptionError as error:
        # the one option that belongs to a single tenant is its id
        return Outcome(tenant, Reason(errors.UNKNOWN_TENANT, str(error), "correct the inventory"), {})
    except Postponed:
        raise
    except OSError as error:
        return Outcome(tenant, Reason(errors.ERROR, errors.unusable_file(error), "mend the file"), {})
    except Exception as error:  # noqa: BLE001 - one tenant's oddity must not cost the others their outcomes
        return Outcome(tenant, Reason(errors.ERROR, errors.unforeseen(error), "report it"), {})


def wait_out(call: Callable[[], T]) -> T:
    """Call until the answer is not to wait, and return it: for work that is a sequence of steps in one tenant."""
    while True:
        try:
            return call()
        except Postponed as wait:
            time.sleep(wait.seconds)


def summary(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return how many tenants ended in each state."""
    return dict(sorted(Counter(outcome.state for outcome in outcomes).items()))


def _counts(outcomes: list[Outcome | None], parked: list[tuple[float, int, int]], started_at: float) -> Counts:
    ended = [outcome for outcome in outcomes if outcome]
    return Counts(
        total=len(outcomes),
        done=len(ended),
        granted=sum(outcome.reason is None for outcome in ended),
        parked=len(parked),
        started_at=started_at,
        resumes_at=max((not_before for not_before, _order, _index in parked), default=None),
    )
