# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.clock import Clock

from ansible_collections.mssp.defender.plugins.module_utils._core import errors, fleet
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import (
    OptionError,
    Postponed,
    Reason,
    TenantError,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts, Outcome, Tenant

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


def test_a_parked_tenant_does_not_hold_the_only_thread() -> None:
    order: list[str] = []

    def record(name: str, job: ScriptedWork) -> fleet.Work:
        def work() -> dict[str, Any]:
            order.append(name)
            return job()

        return work

    parked = record("parked", ScriptedWork(0, "granted", waits=1, seconds=0.3))
    others = [(tenant(index), record("other", ScriptedWork(index, "granted"))) for index in range(1, 4)]
    started = time.monotonic()
    outcomes = fleet.run([(tenant(0), parked), *others], concurrency=1)
    assert order == ["parked", "other", "other", "other", "parked"]
    assert 0.3 <= time.monotonic() - started < 3
    assert {outcome.state for outcome in outcomes} == {"granted"}


def test_waits_pass_side_by_side() -> None:
    jobs = [(tenant(index), ScriptedWork(index, "granted", waits=1, seconds=0.2)) for index in range(20)]
    started = time.monotonic()
    fleet.run(jobs, concurrency=1)
    assert time.monotonic() - started < 2


def test_no_more_tenants_than_the_concurrency_run_at_once() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work() -> dict[str, Any]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return {}

    fleet.run([(tenant(index), work) for index in range(12)], concurrency=3)
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


def test_the_summary_counts_states() -> None:
    states = ["granted", "throttled", "granted", "not_consented"]
    jobs = [(tenant(index), ScriptedWork(index, state)) for index, state in enumerate(states)]
    assert fleet.summary(fleet.run(jobs, 2)) == {"granted": 2, "not_consented": 1, "throttled": 1}


@pytest.mark.parametrize(
    ("who", "reason", "sentence"),
    [
        (
            Tenant("contoso", "contoso.com"),
            Reason(errors.NOT_CONSENTED, "the application is missing", "open the link", code="AADSTS7000229"),
            (
                "contoso (contoso.com) is not_consented: the application is missing (AADSTS7000229); "
                "customer admin: open the link."
            ),
        ),
        (
            Tenant("contoso.com", "contoso.com"),
            Reason(errors.THROTTLED, "wait", "run again"),
            "contoso.com is throttled: wait; run again.",
        ),
        (Tenant("contoso", "contoso.com"), None, "contoso (contoso.com) is granted"),
    ],
)
def test_the_sentence_tells_what_why_and_who_must_do_what(who: Tenant, reason: Reason | None, sentence: str) -> None:
    assert Outcome(who, reason, {}).sentence() == sentence


def test_a_result_carries_the_outcome_the_reason_and_what_was_found() -> None:
    reason = Reason(errors.PARTIAL, "m", "r", correlation_id="c")
    result = Outcome(tenant(0), reason, {"missing_roles": ["Incident.Read.All"]}).to_result()
    assert result["name"] == "customer-0"
    assert (result["state"], result["who"], result["correlation_id"]) == ("partial", "customer admin", "c")
    assert result["missing_roles"] == ["Incident.Read.All"]


def test_an_interruption_does_not_wait_for_calls_under_way() -> None:
    """A task's timeout raises in the thread that waits; here an alarm does."""

    def slow() -> dict[str, object]:
        time.sleep(3)
        return {}

    def interrupt(_number: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    started = time.monotonic()
    try:
        with pytest.raises(TimeoutError):
            fleet.run([(fleet.Tenant("contoso", "contoso.example"), slow)], concurrency=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 2


def test_progress_is_told_while_a_tenant_is_parked_and_at_the_end() -> None:
    told: list[Counts] = []
    states = ["granted", "granted", "error"]
    jobs = [(tenant(index), ScriptedWork(index, state)) for index, state in enumerate(states)]
    parked = (tenant(3), ScriptedWork(3, "granted", waits=1, seconds=0.5))
    before = time.monotonic()
    fleet.run([*jobs, parked], concurrency=2, progress=told.append)
    *under_way, end = told
    # every 0.2 s of the half second
    assert len(under_way) == 2
    for counts in under_way:
        assert (counts.total, counts.done, counts.granted, counts.parked) == (4, 3, 2, 1)
        assert counts.resumes_at is not None
        assert before <= counts.started_at <= counts.resumes_at - 0.5 <= time.monotonic()
    assert (end.total, end.done, end.granted, end.parked, end.resumes_at) == (4, 4, 3, 0, None)


def test_progress_names_the_moment_when_the_last_parked_tenant_goes_on() -> None:
    told: list[Counts] = []
    waits = (0.3, 0.6)
    jobs = [(tenant(i), ScriptedWork(i, "granted", waits=1, seconds=seconds)) for i, seconds in enumerate(waits)]
    fleet.run(jobs, concurrency=2, progress=told.append)
    first = told[0]
    assert first.resumes_at is not None
    assert (first.parked, round(first.resumes_at - first.started_at, 1)) == (2, 0.6)


def test_progress_is_told_where_the_fleet_is_interrupted() -> None:
    told: list[Counts] = []

    def interrupted() -> dict[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fleet.run([(tenant(0), interrupted), (tenant(1), ScriptedWork(1, "granted"))], 1, told.append)
    assert [(counts.total, counts.done) for counts in told] == [(2, 0)]


def test_work_of_one_tenant_waits_where_it_stands(clock: Clock) -> None:
    throttled = TenantError(Reason(errors.THROTTLED, "throttled", "wait"))
    answers: list[Any] = [Postponed(7, throttled), Postponed(0.5, throttled), "done"]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    assert (fleet.wait_out(call), clock.pauses) == ("done", [7, 0.5])


def test_a_refusal_is_not_waited_out(clock: Clock) -> None:
    def call() -> None:
        raise TenantError(Reason(errors.ERROR, "refused", "mend it"))

    with pytest.raises(TenantError, match="refused"):
        fleet.wait_out(call)
    assert clock.pauses == []
