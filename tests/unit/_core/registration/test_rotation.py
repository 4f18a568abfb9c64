# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.registration import rotation
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.rotation import Plan, Registered

NOW = 1_795_340_000.0
DAY = 24 * 3600.0
CLOCK_SKEW = 300
MOMENTS = st.integers(-400 * 24, 400 * 24).map(lambda hours: NOW + hours * 3600)
OTHERS = st.lists(
    st.builds(
        lambda number, starts, days: Registered(f"k{number}", "ansible", starts, starts + days * DAY),
        st.integers(1, 6),
        MOMENTS,
        st.integers(1, 400),
    ),
    unique_by=lambda item: item.key_id,
)
CURRENTS = MOMENTS.map(lambda starts: Registered("current", "ansible", min(starts, NOW), NOW + 100 * DAY))
PREVIOUS = st.none() | st.integers(1, 6).map(lambda number: f"k{number}")
ATTEMPTS = st.none() | MOMENTS
PLANS = st.builds(
    Plan,
    lifetime=st.just(180 * DAY),
    rotate_before=st.just(30 * DAY),
    overlap=st.integers(0, 60).map(lambda days: days * DAY),
)


def secret(key_id: str, starts: float, ends: float) -> Registered:
    """Return a secret good from and to so many days from now."""
    return Registered(key_id, "ansible", NOW + starts * DAY, NOW + ends * DAY)


def plan(overlap: float = 7) -> Plan:
    return Plan(lifetime=180 * DAY, rotate_before=30 * DAY, overlap=overlap * DAY)


def is_orphan(item: Registered, attempt: float | None) -> bool:
    return attempt is not None and item.starts >= attempt - CLOCK_SKEW


@pytest.mark.parametrize(("days_left", "due"), [(31, False), (30, False), (29.99, True), (0, True), (-5, True)])
def test_a_credential_is_due_when_less_is_left_than_rotate_before(days_left: float, due: bool) -> None:
    assert plan().is_due(secret("k", -100, days_left), NOW) is due


def test_where_there_is_none_one_is_due() -> None:
    assert plan().is_due(None, NOW) is True


@given(plan=PLANS, others=OTHERS, current=CURRENTS, previous=PREVIOUS, attempt=ATTEMPTS)
def test_only_others_are_retired_each_once_and_in_order(
    plan: Plan, others: list[Registered], current: Registered, previous: str | None, attempt: float | None
) -> None:
    retired = plan.retired(others, current, NOW, previous, attempt)
    assert retired == [item for item in others if item in retired]
    assert current not in retired


@given(plan=PLANS, others=OTHERS, current=CURRENTS, previous=PREVIOUS, attempt=ATTEMPTS)
def test_the_last_good_one_stays_for_the_overlap_and_no_longer(
    plan: Plan, others: list[Registered], current: Registered, previous: str | None, attempt: float | None
) -> None:
    retired = plan.retired(others, current, NOW, previous, attempt)
    for item in others:
        if item.key_id == previous:
            in_overlap = current.starts + plan.overlap > NOW
            assert (item not in retired) == (in_overlap and item.ends > NOW)


@given(plan=PLANS, others=OTHERS, current=CURRENTS, previous=PREVIOUS, attempt=ATTEMPTS)
def test_what_an_unfinished_attempt_left_behind_goes_at_once(
    plan: Plan, others: list[Registered], current: Registered, previous: str | None, attempt: float | None
) -> None:
    retired = plan.retired(others, current, NOW, previous, attempt)
    for item in others:
        if is_orphan(item, attempt) and item.key_id != previous:
            assert item in retired


@given(plan=PLANS, others=OTHERS, current=CURRENTS, attempt=ATTEMPTS)
def test_where_the_last_good_one_is_not_known_each_may_be_it(
    plan: Plan, others: list[Registered], current: Registered, attempt: float | None
) -> None:
    retired = plan.retired(others, current, NOW, None, attempt)
    if current.starts + plan.overlap > NOW:
        assert all(is_orphan(item, attempt) or item.ends <= NOW for item in retired)
    else:
        assert retired == others


@given(plan=PLANS, others=OTHERS, current=CURRENTS, previous=PREVIOUS, attempt=ATTEMPTS)
def test_what_was_retired_leaves_nothing_to_retire(
    plan: Plan, others: list[Registered], current: Registered, previous: str | None, attempt: float | None
) -> None:
    retired = plan.retired(others, current, NOW, previous, attempt)
    left = [item for item in others if item not in retired]
    assert plan.retired(left, current, NOW, previous, attempt) == []


def test_a_last_good_one_that_has_expired_stays_no_longer() -> None:
    expired, good, fresh = secret("k1", -180, -0.5), secret("k2", -180, 0.5), secret("k3", -1, 179)
    assert plan().retired([expired], fresh, NOW, previous="k1") == [expired]
    assert plan().retired([expired, good], fresh, NOW) == [expired]


def test_two_rotations_within_the_overlap_leave_the_last_good_one() -> None:
    first, second, third = secret("k1", -150, 30), secret("k2", -1, 179), secret("k3", 0, 180)
    assert plan().retired([first, second], third, NOW, previous="k2") == [first]


def test_an_orphan_is_told_from_older_ones_within_what_clocks_are_apart() -> None:
    old, orphan = secret("k1", -150, 30), secret("k2", -1, 179)
    fresh = secret("k3", 0, 180)
    for seconds, gone in ((0, [orphan]), (CLOCK_SKEW, [orphan]), (CLOCK_SKEW + 1, [])):
        assert plan().retired([old, orphan], fresh, NOW, None, orphan.starts + seconds) == gone


def listed(key_id: str, name: str | None) -> dict[str, object]:
    dates = {"startDateTime": "2026-11-22T08:00:00.1234567Z", "endDateTime": "2027-05-21T08:00:00Z"}
    return {"keyId": key_id, "displayName": name, **dates}


def test_credentials_are_read_as_the_directory_lists_them() -> None:
    (item,) = rotation.registered([listed("k1", "ansible")])
    assert item.to_result() == {
        "name": "ansible",
        "key_id": "k1",
        "starts_at": "2026-11-22T08:00:00Z",
        "expires_at": "2027-05-21T08:00:00Z",
    }


@pytest.mark.parametrize(("name", "found"), [(None, ["k1", "k2", "k3"]), ("ansible", ["k1"]), ("", ["k3"]), ("x", [])])
def test_those_of_one_name_are_told_apart(name: str | None, found: list[str]) -> None:
    items = [listed("k1", "ansible"), listed("k2", "Ansible"), listed("k3", None)]
    assert [item.key_id for item in rotation.registered(items, name)] == found


@pytest.mark.parametrize(("key_id", "starts"), [("k2", NOW - 2 * DAY), ("k9", None), (None, None)])
def test_a_credential_is_found_by_its_id(key_id: str | None, starts: float | None) -> None:
    found = rotation.find([secret("k1", -1, 1), secret("k2", -2, 1)], key_id)
    assert (found.starts if found else None) == starts
