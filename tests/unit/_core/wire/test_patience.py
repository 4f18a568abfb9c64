# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import time

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, Reason, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.wire import pacing
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience, call_of

CALL = call_of("GET", "https://api/incidents")
CHANGE = call_of("PATCH", "https://api/incidents")
LOST = Reason(errors.UNREACHABLE, "the answer was lost", "run again")


def repeats(patience: Patience, call: str) -> int:
    """Return how often the call is still repeated."""
    return next(count for count in range(100) if isinstance(patience.after_failure(call, LOST), TenantError))


def test_each_call_is_repeated_as_often_as_retries_say() -> None:
    patience = Patience(retries=3, max_wait=0)
    assert [repeats(patience, call) for call in (CALL, CHANGE, CALL)] == [3, 3, 0]


def test_a_call_that_succeeds_renews_its_own_repeats_alone() -> None:
    """That a record can be read, again and again, lets no change of it be tried for ever."""
    patience = Patience(retries=2, max_wait=0)
    for _unused in range(2):
        assert isinstance(patience.after_failure(CHANGE, LOST), Postponed)
        assert repeats(patience, CALL) == 2
        patience.renew(CALL)
    assert isinstance(patience.after_failure(CHANGE, LOST), TenantError)


@pytest.mark.parametrize(
    ("method", "url", "is_same"),
    [
        ("GET", "https://api/incidents?$filter=x", True),
        ("GET", "https://api/incidents/7", False),
        ("POST", "https://api/incidents", False),
    ],
)
def test_a_call_is_what_is_done_to_what(method: str, url: str, is_same: bool) -> None:
    assert (call_of(method, url) == CALL) is is_same


def test_waiting_that_max_wait_allows_is_not_taken_from_a_tenants_time() -> None:
    patience = Patience(retries=0, max_wait=1000, seconds=100)
    assert isinstance(patience.after_throttling(CALL, "api", 900), Postponed)
    assert patience.check("api") == 100
    assert isinstance(patience.pace(pacing.MINUTE, pacing.XDR_LIST, "api"), Postponed)
    assert patience.check("api") == 100 - pacing.MINUTE


@pytest.mark.parametrize("asked", [0.0, 0.01, 10.0, None])
def test_throttling_ends_when_max_wait_is_spent(asked: float | None) -> None:
    patience = Patience(retries=0, max_wait=100)
    waited = 0.0
    for _unused in range(1000):
        ending = patience.after_throttling(CALL, "api", asked)
        if isinstance(ending, TenantError):
            break
        assert isinstance(ending, Postponed)
        waited += ending.seconds
    else:
        pytest.fail("throttling never ended")
    assert 50 <= waited <= 100


def test_a_success_does_not_renew_max_wait() -> None:
    patience = Patience(retries=0, max_wait=15)
    assert isinstance(patience.after_throttling(CALL, "api", 10), Postponed)
    patience.renew(CALL)
    assert isinstance(patience.after_throttling(CALL, "api", 10), TenantError)


def test_steady_waiting_for_our_own_pace_is_not_taken_from_max_wait() -> None:
    patience = Patience(retries=0, max_wait=10)
    for _unused in range(100):
        ending = patience.pace(pacing.MINUTE, pacing.XDR_LIST, "api")
        assert isinstance(ending, Postponed)
        assert ending.seconds == pacing.MINUTE
    assert ending.error.reason.state == "throttled"
    assert ending.error.reason.meaning.startswith("the minute quota of 50 xdr-list-incidents calls at api is used up ")
    assert isinstance(patience.after_throttling(CALL, "api", 9), Postponed)


def test_waiting_for_the_hourly_quota_is_taken_from_max_wait() -> None:
    patience = Patience(retries=0, max_wait=1800)
    first = patience.pace(1200, pacing.XDR_UPDATE, "api")
    assert isinstance(first, Postponed)
    assert first.seconds == 1200
    assert isinstance(patience.pace(1200, pacing.XDR_UPDATE, "api"), TenantError)


def test_a_used_up_hourly_quota_is_named_with_the_time_when_it_is_free_again() -> None:
    before = int(time.time())
    ending = Patience(retries=0, max_wait=300).pace(1800, pacing.XDR_LIST, "api")
    after = int(time.time())
    assert isinstance(ending, TenantError)
    reason = ending.reason
    assert (reason.state, reason.code) == ("throttled", None)
    assert reason.remedy == "run again after 1800 s, or raise max_wait"
    told = re.fullmatch(
        r"the hourly quota of 1500 xdr-list-incidents calls at api is used up until (\d\d:\d\d:\d\d) UTC",
        reason.meaning,
    )
    assert told
    possible = [time.strftime("%H:%M:%S", time.gmtime(now + 1800)) for now in range(before, after + 1)]
    assert told[1] in possible
