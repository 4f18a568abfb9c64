# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.windows import Window, cut_to_fit

START = timestamps.ticks("2026-11-20T00:00:00Z")


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(START, START + 1), True),
        (Window(START, START + 2), False),
        (Window(START, None), False),
        (Window(timestamps.LAST, None), True),
    ],
)
def test_one_tick_is_the_smallest_window(window: Window, expected: bool) -> None:
    assert window.is_one_tick is expected


def test_a_window_covers_its_start_and_not_its_end() -> None:
    window = Window(START, START + 5)
    assert [window.covers(START + offset) for offset in (-1, 0, 4, 5)] == [False, True, True, False]
    assert Window(START, None).covers(timestamps.LAST)


@pytest.mark.parametrize(("cut", "at"), [(START + 3, 3), (START - 9, 1), (START, 1), (START + 99, 9)])
def test_no_part_of_a_divided_window_is_empty(cut: int, at: int) -> None:
    assert Window(START, START + 10).divided(cut) == (Window(START, START + at), Window(START + at, START + 10))


def test_an_open_window_is_divided_into_one_with_an_end_and_an_open_one() -> None:
    assert Window(START, None).divided(START + 7) == (Window(START, START + 7), Window(START + 7, None))
    last = timestamps.LAST
    assert Window(START, None).divided(last + 5) == (Window(START, last), Window(last, None))


@pytest.mark.parametrize(
    ("offsets", "cut"),
    [
        # the oldest first: what was met, as far as it is to fit
        (range(0, 100, 10), 40),
        # the newest first: four records are ten ticks apart, and nothing is known of what lies below
        (range(990, 890, -10), 36),
        # fewer than are to fit, and yet too many: half of what was met
        ([10, 20], 20),
        ([990, 980, 10], 980),
        # no order: half of what was met
        ([500, 10, 990, 20, 700], 500),
        # one moment: what lies before it, then itself
        ([300, 300, 300], 300),
        ([0, 0, 0], 1),
    ],
)
def test_where_a_window_is_cut(offsets: list[int], cut: int) -> None:
    assert cut_to_fit(Window(START, START + 1000), [START + offset for offset in offsets], 4) == START + cut


@pytest.mark.parametrize(("least_width", "cut"), [(0, 36), (50, 50), (5000, 900)])
def test_behind_a_time_that_held_little_the_next_window_is_wider(least_width: int, cut: int) -> None:
    """It reaches no further than to what is known."""
    times = [START + offset for offset in range(990, 890, -10)]
    assert cut_to_fit(Window(START, START + 1000), times, 4, least_width) == START + cut
