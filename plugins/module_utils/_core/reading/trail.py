# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way through the pages of a window: where the next one begins, and whether it joins on to the one before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

_LEAST_OVERLAP = 3
_MOST_OVERLAP = 10


class Met(NamedTuple):
    """A record that was met: what tells its version from all others, and when it was updated (ticks), if it tells."""

    version: tuple[str, str]
    updated: int | None


class Trail:
    """The records met of one window, in the order in which the service lists them, from the first one on.

    `end` is the position in the service's list behind the last of them.
    """

    def __init__(self, met: Iterable[Met] = ()) -> None:
        self._met = list(met)
        self._places = {one.version: place for place, one in enumerate(self._met)}
        self.end = len(self._met)

    def __len__(self) -> int:
        return len(self._met)

    @property
    def last(self) -> Met:
        """The record that the service lists last, of those that were met."""
        return self._met[-1]

    @property
    def times(self) -> list[int]:
        """The times of last update that the records tell, in the order of the list."""
        return [one.updated for one in self._met if one.updated is not None]

    @property
    def is_ascending(self) -> bool:
        """Whether the service lists the oldest first, as far as the trail shows."""
        return self.times == sorted(self.times)

    def has_met(self, records: Sequence[Met]) -> bool:
        """Tell whether all of the records are in the trail."""
        return all(one.version in self._places for one in records)

    def begins_with(self, records: Sequence[Met]) -> bool:
        """Tell whether the first of these records is the trail's first one too."""
        return bool(records) and self._met[:1] == list(records[:1])

    def overlap(self, most: int) -> int:
        """Return how many of the last records the next page is to repeat, at most `most`.

        It repeats those that share the time of the last one, and the one before them: a service that keeps no order
        among equals could otherwise put one that has not been met before the page.
        """
        equals = 0
        while equals < min(len(self), _MOST_OVERLAP) and self._met[-1 - equals].updated == self._met[-1].updated:
            equals += 1
        return min(most, max(_LEAST_OVERLAP, min(equals + 1, _MOST_OVERLAP)))

    def joint(self, page: Sequence[Met], position: int) -> int | None:
        """Return how many records the page repeats before it goes on; None where it does not continue this trail.

        It does if it begins with records from the trail's end, in their order, more of them than are missing (those
        were updated meanwhile), and repeats none after that. None of them was met before the `position` in the list
        that was asked for: records only move up, and so a service that shows one keeps no order.
        """
        places = [self._places.get(one.version) for one in page]
        repeated: list[int] = []
        for place in places:
            if place is None:
                break
            repeated.append(place)
        news = {one.version for one in page[len(repeated) :]}
        is_new = len(news) == len(page) - len(repeated) and news.isdisjoint(self._places)
        if not repeated or not is_new or repeated != sorted(set(repeated)) or repeated[0] < position:
            return None
        missing = len(self) - repeated[0] - len(repeated)
        return len(repeated) if missing < len(repeated) else None

    def extend(self, met: Iterable[Met], end: int) -> None:
        """Add what comes next; `end` is the position behind it."""
        for one in met:
            self._places[one.version] = len(self._met)
            self._met.append(one)
        self.end = end

    def divided(self, cut: int) -> tuple[Trail, Trail]:
        """Return the records updated before the cut and the others: the first ones of the two parts of the window."""
        before = [one for one in self._met if one.updated is not None and one.updated < cut]
        return Trail(before), Trail(one for one in self._met if one.updated is None or one.updated >= cut)
