# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.machine import Clock

from ansible_collections.mssp.defender.plugins.module_utils._core import errors, fleet
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import (
    OptionError,
    Postponed,
    Reason,
    TenantError,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts
from ansible_collections.mssp.defender.plugins.module_utils._core.outcomes import Tenant, Work

WAIT = 300
"""Seconds that pass only where a test lets them."""
HANGS = 60
"""Seconds after which something is broken, on the slowest machine."""
ENDINGS = {
    "granted": None,
    "not_consented": TenantError(Reason(errors.NOT_CONSENTED, "m", "r")),
    "throttled": TenantError(Reason(errors.THROTTLED, "m", "r")),
    "unknown_tenant": OptionError("tenant_id is empty"),
    "error": RuntimeError("unforeseen"),
}


def tenant(index: int) -> Tenant:
    return Tenant(f"customer-{index}", f"tenant-{index}")


class ScriptedWork:
    """Is postponed a number of times, then ends as it is told."""

    def __init__(self, index: int, ending: str, waits: int = 0, seconds: float = 0.001) -> None:
        self._index = index
        self._ending = ENDINGS[ending]
        self._seconds = seconds
        self.waits_left = waits
        self.calls = 0

    def __call__(self) -> dict[str, Any]:
        self.calls += 1
        if self.waits_left:
            self.waits_left -= 1
            raise Postponed(self._seconds, TenantError(Reason(errors.THROTTLED, "m", "r")))
        if self._ending:
            raise self._ending
        return {"index": self._index}


@given(
    script=st.lists(st.tuples(st.sampled_from(list(ENDINGS)), st.integers(0, 3)), max_size=12),
    concurrency=st.integers(1, 4),
)
def test_every_tenant_has_one_outcome_in_the_order_given(script: list[tuple[str, int]], concurrency: int) -> None:
    jobs = [ScriptedWork(index, ending, waits) for index, (ending, waits) in enumerate(script)]
    outcomes = fleet.run([(tenant(index), job) for index, job in enumerate(jobs)], concurrency)
    assert [outcome.tenant for outcome in outcomes] == [tenant(index) for index in range(len(script))]
    assert [outcome.state for outcome in outcomes] == [ending for ending, _unused in script]
    assert [job.calls for job in jobs] == [waits + 1 for _unused, waits in script]
    granted = {index: outcome.result for index, outcome in enumerate(outcomes) if outcome.state == "granted"}
    assert granted == {index: {"index": index} for index in granted}


def turning(clock: Clock, when: Callable[[Counts], bool]) -> Callable[[Counts], None]:
    """Return a progress that lets WAIT seconds pass as soon as `when` is true of what is told."""

    def tell(counts: Counts) -> None:
        if when(counts):
            clock.sleep(WAIT)

    return tell


def test_a_parked_tenant_does_not_hold_the_only_thread(clock: Clock) -> None:
    order: list[str] = []

    def record(name: str, job: ScriptedWork) -> Work:
        def work() -> dict[str, Any]:
            order.append(name)
            return job()

        return work

    parked = record("parked", ScriptedWork(0, "granted", waits=1, seconds=WAIT))
    others = [(tenant(index), record("other", ScriptedWork(index, "granted"))) for index in range(1, 4)]
    all_others_done = turning(clock, lambda counts: counts.done == 3 and counts.parked == 1)
    outcomes = fleet.run([(tenant(0), parked), *others], concurrency=1, progress=all_others_done)
    assert order == ["parked", "other", "other", "other", "parked"]
    assert {outcome.state for outcome in outcomes} == {"granted"}


def test_waits_pass_side_by_side(clock: Clock) -> None:
    jobs = [(tenant(index), ScriptedWork(index, "granted", waits=1, seconds=WAIT)) for index in range(20)]
    fleet.run(jobs, concurrency=1, progress=turning(clock, lambda counts: counts.parked == 20))
    assert clock.pauses == [WAIT]


def test_no_more_tenants_than_the_concurrency_run_at_once() -> None:
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    def work() -> dict[str, Any]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(HANGS)
        with lock:
            running -= 1
        return {}

    outcomes = fleet.run([(tenant(index), work) for index in range(12)], concurrency=3)
    assert {outcome.state for outcome in outcomes} == {"granted"}
    assert most == 3


def test_no_tenants_give_no_outcomes() -> None:
    assert fleet.run([], concurrency=16) == []


def test_an_unforeseen_error_is_one_tenants_own_and_keeps_its_text_to_itself() -> None:
    def work() -> dict[str, Any]:
        raise KeyError("canary-secret")

    failed, granted = fleet.run([(tenant(0), work), (tenant(1), ScriptedWork(1, "granted"))], concurrency=2)
    assert (failed.state, granted.state) == ("error", "granted")
    assert "KeyError" in failed.sentence()
    assert "canary-secret" not in str(failed.to_result())


def test_a_file_that_cannot_be_written_is_one_tenants_own() -> None:
    def work() -> dict[str, Any]:
        raise PermissionError(13, "Permission denied", "/reports/contoso.jsonl")

    failed, granted = fleet.run([(tenant(0), work), (tenant(1), ScriptedWork(1, "granted"))], concurrency=2)
    assert (failed.state, granted.state) == ("error", "granted")
    assert "/reports/contoso.jsonl" in failed.sentence()


def test_a_refused_tenant_id_ends_as_an_unknown_tenant() -> None:
    (outcome,) = fleet.run([(tenant(0), ScriptedWork(0, "unknown_tenant"))], concurrency=1)
    assert outcome.to_result()["who"] == "provider"
    assert "tenant_id is empty" in outcome.sentence()


def test_an_interruption_does_not_wait_for_calls_under_way() -> None:
    """A task's timeout raises in the thread that waits; here an alarm does."""
    over = threading.Event()

    def slow() -> dict[str, object]:
        os.kill(os.getpid(), signal.SIGALRM)
        assert over.wait(HANGS)
        return {}

    def interrupt(_number: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(TimeoutError):
            fleet.run([(Tenant("contoso", "contoso.example"), slow)], concurrency=1)
        assert not over.is_set()
    finally:
        over.set()
        signal.signal(signal.SIGALRM, before)


def test_progress_is_told_while_a_tenant_is_parked_and_at_the_end(clock: Clock) -> None:
    told: list[tuple[Counts, float]] = []
    states = ["granted", "granted", "error"]
    jobs = [(tenant(index), ScriptedWork(index, state)) for index, state in enumerate(states)]
    parked = (tenant(3), ScriptedWork(3, "granted", waits=1, seconds=WAIT))

    def tell(counts: Counts) -> None:
        told.append((counts, clock.monotonic()))
        if len(waiting()) == 2:
            clock.sleep(WAIT)

    def waiting() -> list[tuple[Counts, float]]:
        return [(counts, at) for counts, at in told if (counts.done, counts.parked) == (3, 1)]

    before = clock.monotonic()
    fleet.run([*jobs, parked], concurrency=2, progress=tell)
    assert len(waiting()) == 2
    for counts, at in waiting():
        assert (counts.total, counts.granted) == (4, 2)
        assert counts.resumes_at is not None
        assert before <= counts.started_at <= counts.resumes_at - WAIT <= at
    end, _at = told[-1]
    assert (end.total, end.done, end.granted, end.parked, end.resumes_at) == (4, 4, 3, 0, None)


def test_progress_names_the_moment_when_the_last_parked_tenant_goes_on(clock: Clock) -> None:
    told: list[tuple[Counts, float]] = []
    jobs = [
        (tenant(i), ScriptedWork(i, "granted", waits=1, seconds=seconds)) for i, seconds in enumerate((WAIT / 2, WAIT))
    ]

    def tell(counts: Counts) -> None:
        if counts.parked == 2:
            told.append((counts, clock.monotonic()))
            clock.sleep(WAIT)

    fleet.run(jobs, concurrency=2, progress=tell)
    ((both, at),) = told
    assert both.resumes_at is not None
    assert both.started_at <= both.resumes_at - WAIT <= at


def test_progress_is_told_where_the_fleet_is_interrupted() -> None:
    told: list[Counts] = []

    def interrupted() -> dict[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fleet.run([(tenant(0), interrupted), (tenant(1), ScriptedWork(1, "granted"))], 1, told.append)
    assert [(counts.total, counts.done) for counts in told] == [(2, 0)]


def test_a_signal_that_another_thread_catches_ends_the_fleet() -> None:
    """Python handles it in the main thread, which sleeps on then."""
    may_end, slept_on = threading.Event(), threading.Event()

    def work() -> dict[str, Any]:
        # the other thread has nothing to do by then
        may_end.wait(0.2)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        if not may_end.wait(HANGS):
            slept_on.set()
        return {}

    def interrupt(*_unused: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            fleet.run([(tenant(0), work)], concurrency=1)
        assert not slept_on.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)
        may_end.set()
