# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from typing import Any

import pytest
from support.machine import Clock

from ansible_collections.mssp.defender.plugins.module_utils._core import errors, waiting
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, Reason, TenantError


def test_work_of_one_tenant_waits_where_it_stands(clock: Clock) -> None:
    throttled = TenantError(Reason(errors.THROTTLED, "throttled", "wait"))
    answers: list[Any] = [Postponed(7, throttled), Postponed(0.5, throttled), "done"]

    def call(name: str) -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return f"{name}: {answer}"

    assert (waiting.wait_out(call, "contoso"), clock.pauses) == ("contoso: done", [7, 0.5])


def test_a_refusal_is_not_waited_out(clock: Clock) -> None:
    def call() -> None:
        raise TenantError(Reason(errors.ERROR, "refused", "fix it"))

    with pytest.raises(TenantError, match="refused"):
        waiting.wait_out(call)
    assert clock.pauses == []


@pytest.mark.parametrize(("seconds", "pauses"), [(0, []), (1.9, []), (6, [2, 2]), (7, [2, 2, 2])])
def test_a_try_begins_within_the_seconds_or_not_at_all(clock: Clock, seconds: float, pauses: list[float]) -> None:
    assert len(list(waiting.tries(seconds, itertools.repeat(2)))) == len(pauses) + 1
    assert clock.pauses == pauses


def test_what_takes_time_itself_is_counted(clock: Clock) -> None:
    tries = 0
    for _try in waiting.tries(10, itertools.repeat(1)):
        clock.sleep(4)
        tries += 1
    assert tries == 2


def test_nothing_is_waited_for_that_is_there(clock: Clock) -> None:
    assert (waiting.until(lambda: 0, 60, itertools.repeat(1)), clock.pauses) == (0, [])


def test_what_comes_later_is_returned_as_soon_as_it_is_there(clock: Clock) -> None:
    answers = iter([None, None, "there"])
    assert (waiting.until(lambda: next(answers), 60, itertools.repeat(1)), clock.pauses) == ("there", [1, 1])


def test_what_never_comes_is_none(clock: Clock) -> None:
    assert waiting.until(lambda: None, 5.5, itertools.repeat(1)) is None
    assert sum(clock.pauses) == 5


def test_pauses_grow_up_to_the_longest() -> None:
    assert list(itertools.islice(waiting.growing(2, 7), 5)) == [2, 4, 6, 7, 7]
    assert list(itertools.islice(waiting.doubling(1, 10), 6)) == [1, 2, 4, 8, 10, 10]
