# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows of time over sets of any shape: all of it is covered, from old to new, in few requests."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.windows import Sweep, Window

DAY = 86_400 * timestamps.TICKS_PER_SECOND
START = timestamps.ticks("2026-11-20T00:00:00Z")
NOW = START + 30 * DAY

Order = Callable[[Collection[int]], list[int]]
ORDERS: dict[str, Order] = {
    "newest first": lambda times: sorted(times, reverse=True),
    "oldest first": sorted,
    "arbitrary": lambda times: sorted(times, key=lambda moment: hash((moment, "x"))),
}


def swept(sweep: Sweep, times: Collection[int], size: int, order: Order = sorted) -> tuple[list[int], list[Window]]:
    """Read the records of these times as the reader does; return the times read, and the windows asked for."""
    read, asked = [], []
    while not sweep.is_done:
        window = sweep.window
        asked.append(window)
        assert len(asked) < 5_000, "it does not come to an end"
        inside = [moment for moment in times if window.start <= moment and (window.end is None or moment < window.end)]
        page = order(inside)[:size]
        if len(page) < size:
            read += page
            sweep.whole(len(page))
        elif window.is_one_tick:
            # a tick is never divided: its pages are read one after the other
            read += inside
            sweep.whole(len(inside))
        else:
            sweep.full(page)
    return read, asked


@given(
    times=st.lists(st.integers(START, NOW) | st.integers(START, START + 40), max_size=60),
    size=st.integers(1, 20),
    order=st.sampled_from(list(ORDERS)),
    start=st.sampled_from([0, START]),
    apart=st.sets(st.integers(START - 5, START + 40), max_size=4),
)
def test_everything_is_read_once_whatever_the_order(
    times: list[int], size: int, order: str, start: int, apart: set[int]
) -> None:
    read, _asked = swept(Sweep(start, size, apart), times, size, ORDERS[order])
    assert sorted(read) == sorted(times)


@given(times=st.lists(st.integers(START, NOW), max_size=60), size=st.integers(1, 20))
def test_windows_lie_side_by_side_from_old_to_new_and_the_last_is_open(times: list[int], size: int) -> None:
    sweep, edges = Sweep(START, size), [START]
    while not sweep.is_done:
        window = sweep.window
        assert window.start == edges[-1]
        inside = [moment for moment in times if window.start <= moment and (window.end is None or moment < window.end)]
        if len(inside) < size or window.is_one_tick:
            sweep.whole(len(inside))
            edges.append(window.end or 0)
        else:
            sweep.full(inside[:size])
    assert edges[-1] == 0
    assert edges[:-1] == sorted(set(edges[:-1]))


@pytest.mark.parametrize("order", ORDERS)
def test_what_fits_a_page_takes_one_request(order: str) -> None:
    times = [START + number * DAY for number in range(20)]
    assert swept(Sweep(0, 100), times, 100, ORDERS[order])[1] == [Window(0, None)]


@pytest.mark.parametrize("order", ORDERS)
def test_an_even_month_takes_few_requests(order: str) -> None:
    """The first read of a busy tenant, in which 50 calls a minute are allowed."""
    times = [START + number * 30 * DAY // 1000 for number in range(1000)]
    assert len(swept(Sweep(START, 100), times, 100, ORDERS[order])[1]) <= 40


def test_a_full_window_is_followed_by_a_smaller_one() -> None:
    sweep = Sweep(START, 10)
    sweep.full([START + number for number in range(0, 100, 10)])
    assert sweep.window.start == START
    assert sweep.window.end is not None
    assert START < sweep.window.end <= START + 100


def test_a_window_is_never_empty() -> None:
    sweep = Sweep(START, 3)
    for _unused in range(200):
        if sweep.window.is_one_tick:
            break
        sweep.full([START] * 3)
    assert sweep.window == Window(START, START + 1)


def test_after_a_crowded_tick_the_windows_are_as_large_as_before() -> None:
    crowd = [START + 15 * DAY] * 400
    calm = [START + number * 30 * DAY // 1000 for number in range(1000)]
    assert len(swept(Sweep(START, 100), crowd + calm, 100, sorted)[1]) <= 120


def test_half_of_the_records_are_in_each_part() -> None:
    sweep = Sweep(START, 100)
    times = [START + number for number in range(50)]
    sweep.halve(times)
    assert sweep.window == Window(START, START + 25)


@pytest.mark.parametrize("start", [0, START])
@pytest.mark.parametrize("offset", [0, 12345, 7 * DAY + 1, 29 * DAY])
def test_a_failure_is_narrowed_down_to_one_tick(start: int, offset: int) -> None:
    """However long the time is, a hundred requests find the 100 ns over which the service fails."""
    poison = START + offset
    sweep, asked = Sweep(start, 100), 0
    while sweep.window != Window(poison, poison + 1):
        window = sweep.window
        asked += 1
        assert asked < 100
        if window.start <= poison and (window.end is None or poison < window.end):
            sweep.failed(NOW)
        else:
            sweep.whole(0)


def test_moments_known_to_be_bad_get_windows_of_their_own() -> None:
    earlier, later = START - DAY, START + DAY
    sweep = Sweep(START, 100, {later, earlier})
    assert sweep.pending == [earlier, later]
    asked = swept(sweep, [], 100)[1]
    assert asked == [
        Window(earlier, earlier + 1),
        Window(START, later),
        Window(later, later + 1),
        Window(later + 1, None),
    ]
    assert sweep.pending == []


def test_what_was_read_in_another_way_is_over() -> None:
    sweep = Sweep(START, 100)
    sweep.finish()
    assert sweep.is_done


@pytest.mark.parametrize(
    "narrow",
    [
        lambda sweep: sweep.failed(NOW),
        lambda sweep: sweep.full([START] * 3),
        lambda sweep: sweep.halve([START] * 3),
    ],
)
def test_a_window_that_ends_at_a_moment_apart_becomes_smaller_like_any_other(narrow: Callable[[Sweep], None]) -> None:
    sweep = Sweep(START, 3, [START + DAY])
    before = sweep.window
    narrow(sweep)
    assert before.end == START + DAY
    assert sweep.window.end is not None
    assert sweep.window.end < before.end
