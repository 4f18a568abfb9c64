# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sweep over a list that changes between any two requests, in memory. Over HTTPS: tests/unit/moving."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.capacity import Capacity
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.listing import Page
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.paging import Terms
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.sweep import Sweep
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.windows import Window
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.records import Record

START = timestamps.ticks("2026-11-20T00:00:00Z")
MOST_REQUESTS = 3000

Order = Callable[[tuple[int, int]], Any]
ORDERS: dict[str, Order] = {
    "newest first": lambda one: (-one[1], one[0]),
    "oldest first": lambda one: (one[1], one[0]),
    "by id": lambda one: one[0],
    "arbitrary": lambda one: one[0] * 2_654_435_761 % 2**32,
}


class ChangingList:
    """Lists records by id and time of last update, at most `largest` or so many characters (`longest`) on a page.

    `moves` says which records are updated before which request. `links` names a next page.
    """

    def __init__(
        self, times: list[int], order: Order, size: int, largest: int, longest: int, moves: dict[int, list[int]]
    ) -> None:
        self.times = dict(enumerate(times))
        self.size = size
        self.capacity = Capacity()
        self.requests = 0
        self.skipped: list[int] = []
        self.met: set[tuple[int, int]] = set()
        self.unmoved = set(self.times)
        self._order = order
        self._largest = largest
        self._longest = longest
        self._moves = moves
        self._now = max(times, default=START) + 1

    def page(self, window: Window, *, skip: int = 0, size: int | None = None, **_others: bool) -> Page:
        for moved in self._moves.get(self.requests, []):
            if moved in self.times:
                self.times[moved] = self._now
                self._now += 1
                self.unmoved.discard(moved)
        self.requests += 1
        self.skipped.append(skip)
        assert self.requests < MOST_REQUESTS, "it does not come to an end"
        size = size or self.size
        listed = sorted(((one, at) for one, at in self.times.items() if window.covers(at)), key=self._order)
        found: list[Record] = []
        for one, at in listed[skip : skip + min(size, self._largest)]:
            record = _record(one, at)
            if found and sum(len(other.text) for other in found) + len(record.text) > self._longest:
                break
            found.append(record)
        held = Capacity.of(found, sum(len(record.text) for record in found))
        self.capacity |= held
        is_cut = len(found) >= size
        is_whole = (not found or self.capacity.has_room_for_more(held)) and not is_cut
        return Page(found, None, is_whole, is_cut, held)

    def version(self, record: Record) -> tuple[str, str]:
        return str(record["id"]), str(record["at"])

    def updated(self, record: Record) -> int:
        return int(record["at"])

    def links(self) -> None:
        return None


def _record(identity: int, at: int) -> Record:
    members = {"id": identity, "at": at, "text": "x" * (identity % 7) ** 3}
    return Record(members, json.dumps(members))


def swept(listing: ChangingList) -> Sweep:
    sweep = Sweep(listing, START, Terms(START, 60, False, Capacity()), lambda _record: True, [])  # type: ignore[arg-type]
    while not sweep.is_done:
        listing.met |= {(record["id"], record["at"]) for record in sweep.advance().records}
    return sweep


@given(
    times=st.lists(st.integers(START, START + 10**12) | st.integers(START, START + 6), min_size=1, max_size=150),
    order=st.sampled_from(list(ORDERS)),
    size=st.integers(1, 20),
    largest=st.sampled_from([1, 2, 3, 7, 1000, 1000]),
    longest=st.sampled_from([100, 700, 10**6, 10**6]),
    moves=st.dictionaries(st.integers(0, 40), st.lists(st.integers(0, 150), max_size=9), max_size=6),
)
def test_every_record_is_met_and_those_that_stand_still_in_their_version(
    times: list[int], order: str, size: int, largest: int, longest: int, moves: dict[int, list[int]]
) -> None:
    listing = ChangingList(times, ORDERS[order], size, largest, longest, moves)
    swept(listing)
    assert {identity for identity, _at in listing.met} == set(listing.times)
    assert {(one, listing.times[one]) for one in listing.unmoved} <= listing.met


@pytest.mark.parametrize("largest", [2, 5, 1000])
@pytest.mark.parametrize("order", ORDERS)
def test_updates_at_any_moment_hide_nothing(order: str, largest: int) -> None:
    for request in range(20):
        for moved in ([0, 1, 2], [27, 28, 29]):
            times = [START + number * 1000 for number in range(30)]
            listing = ChangingList(times, ORDERS[order], 10, largest, 10**6, {request: moved})
            swept(listing)
            assert {identity for identity, _at in listing.met} == set(listing.times)
            assert {(one, listing.times[one]) for one in listing.unmoved} <= listing.met


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_met_is_not_read_again_where_a_window_is_divided(order: str) -> None:
    times = [START + number * 1000 for number in range(600)]
    listing = ChangingList(times, ORDERS[order], 20, 1000, 10**6, {})
    swept(listing)
    assert len(listing.met) == 600
    # 17 new ones on each page of 20
    assert listing.requests <= 1.5 * 600 / 17
    assert max(listing.skipped) <= 60
