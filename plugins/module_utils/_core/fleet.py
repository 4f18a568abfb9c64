# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work for many tenants side by side: each ends in its own outcome, and none holds a thread while it waits."""

from __future__ import annotations

import heapq
import itertools
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from . import errors
from .errors import OptionError, Postponed, Reason, TenantError

Work = Callable[[], dict[str, Any]]
"""Returns one tenant's result. It may raise Postponed, and is then called again to go on where it stopped."""


@dataclass(frozen=True)
class Tenant:
    """A customer: the name the operator gave it, and its tenant id (a GUID or a domain)."""

    name: str
    tenant_id: str


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
        label = self.tenant.name
        if self.tenant.tenant_id not in ("", self.tenant.name):
            label = f"{label} ({self.tenant.tenant_id})"
        if self.reason is None:
            return f"{label} is granted"
        code = f" ({self.reason.code})" if self.reason.code else ""
        who = self.reason.to_result()["who"]
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


def run(work: Iterable[tuple[Tenant, Work]], concurrency: int) -> list[Outcome]:
    """Run the work of all tenants in at most `concurrency` threads and return the outcomes in the order given."""
    jobs = list(work)
    outcomes: list[Outcome | None] = [None] * len(jobs)
    parked: list[tuple[float, int, int]] = []
    done: queue.SimpleQueue[tuple[int, Future[dict[str, Any]]]] = queue.SimpleQueue()
    sequence = itertools.count()
    unfinished = len(jobs)
    pool = ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(jobs))))

    def start(index: int) -> None:
        pool.submit(jobs[index][1]).add_done_callback(lambda future: done.put((index, future)))

    try:
        for index in range(len(jobs)):
            start(index)
        while unfinished:
            while parked and parked[0][0] <= time.monotonic():
                start(heapq.heappop(parked)[2])
            try:
                patience = max(0.0, parked[0][0] - time.monotonic()) if parked else None
                index, future = done.get(timeout=patience)
            except queue.Empty:
                continue
            try:
                outcomes[index] = _outcome(jobs[index][0], future)
                unfinished -= 1
            except Postponed as wait:
                heapq.heappush(parked, (time.monotonic() + wait.seconds, next(sequence), index))
    finally:
        # a task's timeout or a Ctrl-C must not wait for calls that are under way
        pool.shutdown(wait=False, cancel_futures=True)
    return [outcome for outcome in outcomes if outcome]


def summary(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return how many tenants ended in each state."""
    return dict(sorted(Counter(outcome.state for outcome in outcomes).items()))


def _outcome(tenant: Tenant, future: Future[dict[str, Any]]) -> Outcome:
    """Turn what the work returned or raised into the tenant's outcome; Postponed passes through."""
    try:
        return Outcome(tenant, None, future.result())
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
