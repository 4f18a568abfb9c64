# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from ansible_collections.mssp.defender.plugins.module_utils._core.throttling import retry_after

NOW = 1_795_340_000.0
QUOTA = "API calls quota exceeded! maximum allowed {} per {:02d}:{:02d}:{:02d}"


def headers(value: str) -> CaseInsensitiveDict[str]:
    return CaseInsensitiveDict({"retry-after": value})


@given(seconds=st.integers(0, 10**6))
def test_seconds_in_the_header_are_the_wait(seconds: int) -> None:
    assert retry_after(headers(f" {seconds} "), "", NOW) == seconds


@given(seconds=st.integers(0, 10**6))
def test_a_date_in_the_header_is_counted_from_now(seconds: int) -> None:
    assert retry_after(headers(formatdate(NOW + seconds, usegmt=True)), "", NOW) == seconds


@given(seconds=st.integers(1, 10**6))
def test_a_date_that_has_passed_asks_for_no_negative_wait(seconds: int) -> None:
    assert retry_after(headers(formatdate(NOW - seconds, usegmt=True)), "", NOW) == 0


@given(allowed=st.integers(1, 9999), hours=st.integers(0, 99), minutes=st.integers(0, 59), seconds=st.integers(0, 59))
def test_the_window_of_a_quota_in_the_body_is_the_wait(allowed: int, hours: int, minutes: int, seconds: int) -> None:
    body = f'{{"error":{{"code":"429","message":"{QUOTA.format(allowed, hours, minutes, seconds)}"}}}}'
    assert retry_after(headers(""), body, NOW) == hours * 3600 + minutes * 60 + seconds


def test_the_header_wins_over_the_body() -> None:
    assert retry_after(headers("7"), QUOTA.format(45, 0, 1, 0), NOW) == 7


@pytest.mark.parametrize("header", ["soon", "-5", "1.5", "²", "Wed, 99 Nov 2026 10:00:00 GMT"])
def test_an_unreadable_header_leaves_it_to_the_body(header: str) -> None:
    assert retry_after(headers(header), QUOTA.format(45, 0, 1, 0), NOW) == 60


def test_a_reply_that_does_not_tell_gives_none() -> None:
    assert retry_after(headers(""), "Too Many Requests", NOW) is None


DIGITS = st.text("0123456789", min_size=1, max_size=400)


@given(
    header=st.text() | DIGITS | st.from_regex(r"\A[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\Z"),
    body=st.text() | DIGITS.map(lambda digits: f"maximum allowed {digits} per {digits}:00:00"),
)
def test_garbage_never_raises_and_never_asks_for_an_impossible_wait(header: str, body: str) -> None:
    wait = retry_after(headers(header), body, NOW)
    assert wait is None or (wait >= 0 and math.isfinite(wait))
