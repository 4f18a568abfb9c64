# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, Reason, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import Token
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.trial import Trial
from ansible_collections.mssp.defender.plugins.module_utils._core.waiting import Clock

WRONG = Reason(errors.BAD_CREDENTIAL, "the client secret is wrong", "give its value", "AADSTS7000215", None, "c", "t")
NO_CONSENT = Reason(errors.NOT_CONSENTED, "no service principal", "consent", "AADSTS7000229")
TOKEN = Token("token", 1e10)


class Turned(Clock):
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Asked:
    """Tenants that give a token, or what is said of each; `tenants` are those that were asked."""

    def __init__(self, trial: Trial, answers: dict[str, Exception] | None = None) -> None:
        self.trial = trial
        self.answers = answers or {}
        self.tenants: list[str] = []
        self._lock = threading.Lock()

    def ask(self, tenant: str) -> Token:
        return self.trial.acquire(tenant, self._asking(tenant))

    def state(self, tenant: str) -> str:
        try:
            self.ask(tenant)
        except TenantError as error:
            return error.reason.state
        return errors.GRANTED

    def _asking(self, tenant: str) -> Callable[[], Token]:
        def ask() -> Token:
            with self._lock:
                self.tenants.append(tenant)
            if tenant in self.answers:
                raise self.answers[tenant]
            return TOKEN

        return ask


def refusing(*tenants: str, trial: Trial | None = None) -> Asked:
    return Asked(trial or Trial(), {tenant: TenantError(WRONG) for tenant in tenants})


def test_of_three_hundred_tenants_two_are_asked() -> None:
    names = [f"tenant-{number}" for number in range(300)]
    asked = refusing(*names)
    with ThreadPoolExecutor(64) as pool:
        states = list(pool.map(asked.state, names))
    assert states == [errors.BAD_CREDENTIAL] * 300
    assert len(asked.tenants) == 2


def test_those_who_were_not_asked_have_the_reason_without_the_ids_of_anothers_request() -> None:
    asked = refusing("a", "b")
    assert [asked.state("a"), asked.state("b")] == [errors.BAD_CREDENTIAL] * 2
    with pytest.raises(TenantError) as spared:
        asked.ask("c")
    assert spared.value.reason == Reason(WRONG.state, WRONG.meaning, WRONG.remedy, WRONG.code)


def test_one_tenants_refusal_is_its_own() -> None:
    asked = refusing("a")
    assert [asked.state(name) for name in "aabc"] == [errors.BAD_CREDENTIAL] * 2 + [errors.GRANTED] * 2


def test_a_credential_that_a_tenant_took_is_sent_to_all() -> None:
    asked = refusing("b", "c", "d")
    states = [asked.state(name) for name in "abcde"]
    assert states == [errors.GRANTED, *[errors.BAD_CREDENTIAL] * 3, errors.GRANTED]


def test_half_a_minute_later_it_is_tried_again() -> None:
    clock = Turned()
    asked = refusing("a", "b", trial=Trial(clock))
    assert [asked.state(name) for name in "abc"] == [errors.BAD_CREDENTIAL] * 3
    clock.now += 30
    assert asked.state("c") == errors.GRANTED


@pytest.mark.parametrize("answer", [TenantError(NO_CONSENT), Postponed(5, TenantError(NO_CONSENT))])
def test_after_any_other_answer_tenants_ask_side_by_side(answer: Exception) -> None:
    """Two that wait for each other end only where they ask at the same time."""
    asked = Asked(Trial(), {"a": answer})
    with pytest.raises(type(answer)):
        asked.ask("a")
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> Token:
        meeting.wait()
        return TOKEN

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda name: asked.trial.acquire(name, meet), "bc")) == [TOKEN, TOKEN]


def test_a_tenant_that_is_slow_to_answer_keeps_nobody_for_long() -> None:
    asked = Asked(Trial())
    began, answered = threading.Event(), threading.Event()

    def slow() -> Token:
        began.set()
        assert answered.wait(60)
        return TOKEN

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(asked.trial.acquire, "slow", slow)
        began.wait(60)
        assert asked.ask("other") == TOKEN
        answered.set()
        assert first.result() == TOKEN
