# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from ansible_collections.mssp.defender.plugins.module_utils._core.wire.throttling import quota_name, retry_after

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


PROCESSING = "You have exceeded processing resources allocated to this tenant. You can run queries again in 00:12:00."
CPU = '{"error":{"code":"429","message":"You have exceeded the CPU resources allotted to the tenant"}}'


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (QUOTA.format(45, 0, 1, 0), "minute quota of 45 calls"),
        (QUOTA.format(1500, 1, 0, 0), "hourly quota of 1500 calls"),
        (QUOTA.format(100, 0, 5, 0), "quota of 100 calls in 00:05:00"),
        (CPU, "CPU quota"),
        (PROCESSING, "CPU quota"),
        ("cpu quota: " + QUOTA.format(600, 0, 15, 0), "CPU quota"),
        ("Too Many Requests", None),
        ("", None),
    ],
    ids=["minute", "hour", "another window", "CPU", "CPU as documented", "CPU in a window", "unknown", "empty"],
)
def test_the_quotas_are_told_apart(body: str, name: str | None) -> None:
    assert quota_name(body) == name


def test_a_used_up_cpu_quota_waits_for_its_next_cycle_unless_told_otherwise() -> None:
    assert retry_after(headers(""), CPU, NOW) == 900
    assert retry_after(headers("20"), CPU, NOW) == 20
    assert retry_after(headers(""), PROCESSING, NOW) == 720
    assert retry_after(headers(""), "CPU: " + QUOTA.format(600, 0, 10, 0), NOW) == 600


DIGITS = st.text("0123456789", min_size=1, max_size=400)


@given(
    header=st.text() | DIGITS | st.from_regex(r"\A[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\Z"),
    body=st.text() | DIGITS.map(lambda digits: f"maximum allowed {digits} per {digits}:00:00"),
)
def test_garbage_never_raises_and_never_asks_for_an_impossible_wait(header: str, body: str) -> None:
    quota_name(body)
    wait = retry_after(headers(header), body, NOW)
    assert wait is None or (wait >= 0 and math.isfinite(wait))
