# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left to read: all of it is covered, from old to new, whatever is divided on the way."""

from __future__ import annotations

from random import Random

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.agenda import Agenda
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.trail import Met
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.windows import Window

DAY = 86_400 * timestamps.TICKS_PER_SECOND
START = timestamps.ticks("2026-11-20T00:00:00Z")
NOW = START + 30 * DAY


def meet(agenda: Agenda, *times: int) -> None:
    agenda.next.trail.extend([Met((str(moment), ""), moment) for moment in times], len(times))


def windows_of(agenda: Agenda) -> list[Window]:
    windows = []
    while not agenda.is_done:
        windows.append(agenda.next.window)
        agenda.close()
    return windows


def test_it_begins_with_all_there_is() -> None:
    agenda = Agenda(START)
    assert windows_of(agenda) == [Window(START, None)]
    assert agenda.read_until == START


@pytest.mark.parametrize("seed", range(20))
def test_windows_lie_side_by_side_from_old_to_new_and_the_last_is_open(seed: int) -> None:
    random, agenda, edges = Random(seed), Agenda(START), [START]
    for _unused in range(60):
        if agenda.is_done:
            break
        window = agenda.next.window
        assert (window.start, agenda.read_until) == (edges[-1], edges[-1])
        if random.random() < 0.6 and not window.is_one_tick:
            agenda.cut(random.randrange(window.start, (window.end or NOW) + 1))
        else:
            edges.append(window.end or 0)
            agenda.close()
    edges += [window.end or 0 for window in windows_of(agenda)]
    assert edges[-1] == 0
    assert edges[:-1] == sorted(set(edges[:-1]))


def test_what_was_met_is_known_in_both_parts_of_a_window() -> None:
    agenda = Agenda(START)
    meet(agenda, START + 9, START + 1, START + 5)
    agenda.cut(START + 5)
    assert agenda.next.trail.times == [START + 1]
    agenda.close()
    assert agenda.next.trail.times == [START + 9, START + 5]


def test_a_trail_that_led_nowhere_is_forgotten() -> None:
    agenda = Agenda(START)
    meet(agenda, START + 9, START + 1, START + 5)
    agenda.divide(1, keeps_trail=False)
    assert agenda.next.window == Window(START, START + 5)
    assert len(agenda.next.trail) == 0


@pytest.mark.parametrize("start", [0, START])
@pytest.mark.parametrize("offset", [0, 12345, 7 * DAY + 1, 29 * DAY])
def test_a_failure_is_narrowed_down_to_one_tick(start: int, offset: int) -> None:
    """However long the time is, a hundred requests find the 100 ns over which the service fails."""
    poison = START + offset
    agenda, asked = Agenda(start), 0
    while agenda.next.window != Window(poison, poison + 1):
        asked += 1
        assert asked < 100
        if agenda.next.window.covers(poison):
            agenda.halve(NOW)
        else:
            agenda.close()


def test_moments_known_to_be_bad_get_windows_of_their_own() -> None:
    earlier, later = START - DAY, START + DAY
    agenda = Agenda(START, {later, earlier, START})
    assert agenda.pending == [earlier, START, later]
    assert agenda.read_until == START
    assert windows_of(agenda) == [
        Window(earlier, earlier + 1),
        Window(START, START + 1),
        Window(START + 1, later),
        Window(later, later + 1),
        Window(later + 1, None),
    ]
    assert agenda.pending == []


def test_the_last_moment_there_is_has_a_window_without_an_end() -> None:
    assert windows_of(Agenda(START, {timestamps.LAST})) == [
        Window(START, timestamps.LAST),
        Window(timestamps.LAST, None),
    ]


def test_a_service_that_knows_no_end_is_read_from_the_first_moment_on() -> None:
    agenda = Agenda(START, {START - DAY, START + DAY})
    agenda.open_up()
    assert agenda.pending == [START - DAY, START + DAY]
    assert windows_of(agenda) == [Window(START - DAY, None)]
    assert agenda.read_until == START


def test_over_nothing_the_windows_grow() -> None:
    """Thirty empty days below what is known take few requests."""
    agenda, asked = Agenda(START), 0
    meet(agenda, *(NOW - number for number in range(100)))
    while not agenda.is_done:
        window = agenda.next.window
        if window.covers(NOW - 99):
            break
        asked += 1
        agenda.close()
    agenda.divide(50, keeps_trail=True)
    while agenda.next.window.end is not None and agenda.next.window.end < NOW - 99:
        asked += 1
        agenda.close()
        agenda.divide(50, keeps_trail=True)
    assert asked < 15
