# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page shows of the window it comes from. For whole sweeps see test_sweep.py."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from support.scripted_entra import ScriptedTenant

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.agenda import Agenda
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.capacity import Capacity
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.listing import Page
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.paging import Paging, Terms
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.phases import Finding
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.windows import Window
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.records import Record

START = timestamps.ticks("2026-11-20T00:00:00Z")
NEWEST_FIRST = range(100, 0, -1)


class Shown:
    """Pages of incidents, each updated as many ticks after the start as its id says."""

    def __init__(self, tenant: ScriptedTenant, remembered: Capacity | None = None, is_news: bool = True) -> None:
        self.agenda = Agenda(START)
        self._listing = tenant.listing()
        terms = Terms(START, 150, expands=False, remembered=remembered or Capacity())
        self.paging = Paging(self.agenda, self._listing, terms, lambda _record: is_news)

    def page(self, ids: Iterable[int], *, is_cut: bool = False, is_whole: bool = False) -> Finding:
        """Show a page at the position where the next one is due."""
        found = [_record(identity) for identity in ids]
        held = Capacity.of(found, sum(len(record.text) for record in found))
        self._listing.capacity |= held
        return self.paging.add(Page(found, None, is_whole, is_cut, held), self.paging.next_position())


def _record(identity: int) -> Record:
    members = {"incidentId": identity, "lastUpdateTime": timestamps.render(START + identity)}
    return Record(members, json.dumps(members))


@pytest.fixture
def shown(tenant: ScriptedTenant) -> Shown:
    return Shown(tenant)


def test_what_is_proven_to_be_all_closes_the_window(shown: Shown) -> None:
    assert shown.page([1, 2], is_whole=True) is Finding.READ
    assert shown.agenda.is_done


def test_a_short_page_alone_proves_nothing(shown: Shown) -> None:
    assert shown.page([1, 2]) is Finding.UNPROVEN
    assert not shown.agenda.is_done


def test_a_short_page_without_news_is_believed_where_longer_ones_came_lately(tenant: ScriptedTenant) -> None:
    shown = Shown(tenant, Capacity(100, 100_000, 100), is_news=False)
    assert shown.page([1, 2]) is Finding.READ
    assert not shown.paging.is_proven


def test_more_than_a_page_is_read_in_a_window_with_an_end(shown: Shown) -> None:
    """What is updated meanwhile would come first, on the page that was read: it is found behind the end."""
    assert shown.page(NEWEST_FIRST, is_cut=True) is Finding.DIVIDED
    assert shown.agenda.next.window == Window(START, START + 101)
    assert shown.paging.next_position() == 97
    assert shown.page([3, 2, 1, 0], is_whole=True) is Finding.READ
    assert shown.agenda.next.window == Window(START + 101, None)


def test_where_the_oldest_come_first_the_window_stays_open(shown: Shown) -> None:
    assert shown.page(range(100), is_cut=True) is Finding.MORE
    assert shown.agenda.next.window == Window(START, None)


def test_a_page_that_does_not_join_on_is_looked_for_once_and_then_the_window_is_divided(shown: Shown) -> None:
    shown.page(NEWEST_FIRST, is_cut=True)
    assert shown.page([50, 40], is_cut=True) is Finding.ASTRAY
    assert shown.paging.next_position() == 1
    assert shown.page([500], is_cut=True) is Finding.DIVIDED
    assert (shown.paging.next_position(), len(shown.agenda.next.trail)) == (0, 0)


def test_what_was_cut_without_a_word_shows_on_the_next_page(shown: Shown) -> None:
    shown.page(NEWEST_FIRST, is_cut=True)
    assert shown.page([3, 2, 1, 0, -1]) is Finding.MORE
    assert not shown.paging.was_cut
    assert shown.page([1, 0, -1, -2, -3]) is Finding.MORE
    assert shown.paging.was_cut


def test_a_service_that_overlooks_the_end_is_read_without_one(shown: Shown) -> None:
    shown.page(NEWEST_FIRST, is_cut=True)
    assert shown.page([3, 2, 1, 300]) is Finding.DIVIDED
    assert (shown.agenda.has_ends, shown.agenda.next.window) == (False, Window(START, None))


def test_what_lies_too_far_down_the_list_is_read_in_parts(shown: Shown) -> None:
    shown.page(NEWEST_FIRST, is_cut=True)
    assert not shown.paging.is_too_far
    shown.paging.keep_below(97)
    assert shown.paging.is_too_far
    assert shown.paging.divide_too_far() is Finding.DIVIDED
    assert shown.agenda.next.window.end == START + 51
    assert not shown.paging.is_too_far
