# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.reading.trail import Met, Trail


def met(*numbers: int, state: str = "") -> list[Met]:
    """Records that were updated at different times, one of each number."""
    return [Met((str(number), state), number) for number in numbers]


def trail_of(size: int) -> Trail:
    return Trail(met(*range(size)))


@pytest.mark.parametrize(
    ("page", "joint"),
    [
        (met(7, 8, 9, 10, 11), 3),
        (met(7, 8, 9), 3),
        # two have left the window, and all behind them have moved up
        (met(9, 10, 11), 1),
        # one of those that are repeated was updated
        (met(7, 9, 10), 2),
        (met(7, 8, 10), 2),
    ],
)
def test_a_page_goes_on_that_repeats_the_last_records_in_their_order(page: list[Met], joint: int) -> None:
    assert trail_of(10).joint(page, 7) == joint


@pytest.mark.parametrize(
    "page",
    [
        [],
        met(10, 11, 12),
        met(8, 7, 9, 10),
        met(7, 8, 9, 10, 3),
        met(7, 8, 9, 10, 10),
        met(10, 7, 8, 9),
        met(7, 10, 11),
        met(3, 10, 11),
        met(6, 7, 8, 9, 10),
        met(7, 8, 9, state="changed"),
    ],
    ids=[
        "empty",
        "none is repeated",
        "another order",
        "an earlier one comes later",
        "one comes twice",
        "a new one comes before",
        "more are missing than repeated",
        "an earlier one alone",
        "it begins before the position that was asked for",
        "other versions",
    ],
)
def test_every_other_page_does_not_join_on(page: list[Met]) -> None:
    assert trail_of(10).joint(page, 7) is None


def test_a_list_without_an_order_may_begin_with_any_of_its_records() -> None:
    """Of four records three were met: what stands in the third place now says nothing of the fourth record."""
    trail = Trail(met(2, 3, 6))
    assert trail.joint(met(2, 6), 2) is None
    assert trail.joint(met(3, 6), 2) is None
    assert trail.joint(met(6, 1), 2) == 1


@pytest.mark.parametrize(("size", "most", "overlap"), [(100, 50, 3), (100, 2, 2), (100, 0, 0), (1, 50, 3)])
def test_a_few_records_are_repeated(size: int, most: int, overlap: int) -> None:
    assert trail_of(size).overlap(most) == overlap


@pytest.mark.parametrize(("equals", "overlap"), [(2, 3), (3, 4), (8, 9), (9, 10), (43, 10)])
def test_those_that_share_the_last_time_are_repeated_with_the_one_before_them(equals: int, overlap: int) -> None:
    trail = Trail([*met(*range(50)), *(Met((f"equal {number}", ""), 99) for number in range(equals))])
    assert trail.overlap(50) == overlap


def test_a_trail_grows_and_keeps_the_place_of_its_end() -> None:
    trail = trail_of(10)
    trail.extend(met(10, 11), 9)
    assert (len(trail), trail.end, trail.last) == (12, 9, met(11)[0])
    assert trail.joint(met(10, 11, 12), 7) == 2
    assert trail.has_met(met(3, 11))
    assert not trail.has_met(met(3, 12))


def test_the_parts_of_a_window_have_their_own_trails() -> None:
    before, after = Trail([*met(5, 1, 9), Met(("x", ""), None), *met(3)]).divided(5)
    assert (before.times, before.end, after.times, after.end) == ([1, 3], 2, [5, 9], 3)


def test_the_order_of_the_list_shows_in_the_times() -> None:
    assert trail_of(5).is_ascending
    assert not Trail(met(1, 3, 2)).is_ascending
