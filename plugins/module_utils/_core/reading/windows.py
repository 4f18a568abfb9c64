# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a set that moves: one window of time after the other, each small enough for a single page.

A page that is not full is all that its window held at one moment, whatever order the service keeps. Windows are read
from the oldest to the newest, and the last has no end: what is updated meanwhile moves into one that is still to come.
Paging by `$skip` or by links has no such moment, and loses a record whenever one before it is updated.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .. import timestamps

_FILLED = 0.8
"""How full the next page should come: near the limit, and not at it."""
_GROWTH = 4
_GROWTH_OVER_NOTHING = 16
_DAY = 86_400 * timestamps.TICKS_PER_SECOND


@dataclass(frozen=True)
class Window:
    """The times of last update from `start` up to but not including `end`, in ticks; `end` None is open.

    A `start` of 0 has all that came before as well.
    """

    start: int
    end: int | None

    @property
    def is_one_tick(self) -> bool:
        return self.end == self.start + 1 or (self.end is None and self.start >= timestamps.LAST)


class Sweep:
    """Chooses the windows from `start` on. After each reply `whole`, `full`, `halve` or `failed` must be called.

    `apart` are moments that get a window of their own: a record of theirs is known to spoil a page. Those before
    `start` come first.
    """

    def __init__(self, start: int, page_size: int, apart: Collection[int] = ()) -> None:
        self._page_size = page_size
        self._before = sorted(moment for moment in apart if moment < start)
        self._apart = sorted(moment for moment in apart if moment >= start)
        self._width: int | None = None
        self._last_fit: int | None = None
        self._newest = start
        self._spoiled_until = start
        self.start = start
        self.is_done = False

    @property
    def window(self) -> Window:
        """The window to ask for: all that is left, or no more than a page is expected to hold."""
        if self._before:
            return Window(self._before[0], self._before[0] + 1)
        if self._apart and self._apart[0] == self.start:
            return _until(self.start, self.start + 1)
        end = None if self._width is None else self.start + self._width
        if end is not None and end > self._newest + 1:
            # nothing is known to lie behind it
            end = None
        if self._apart:
            end = self._apart[0] if end is None else min(end, self._apart[0])
        return _until(self.start, end)

    @property
    def pending(self) -> list[int]:
        """The moments apart that have not been read yet."""
        return [*self._before, *self._apart]

    def whole(self, count: int) -> None:
        """The window held `count` records, and they have been read: go on behind it."""
        window = self.window
        if self._before:
            self._before.pop(0)
            return
        if window.end is None:
            self.is_done = True
            return
        self._apart = [moment for moment in self._apart if moment >= window.end]
        self.start = window.end
        if window.is_one_tick:
            # what made it so small lies behind
            self._width = self._last_fit if self._last_fit != 1 else None
        elif self._width is not None:
            growth = min(_GROWTH, _FILLED * self._page_size / count) if count else _GROWTH_OVER_NOTHING
            self._width = self._last_fit = max(1, int((window.end - window.start) * growth))
        if self.start < self._spoiled_until:
            # what the service fails over is in the rest of that window: halve it
            half = (self._spoiled_until - self.start + 1) // 2
            self._width = half if self._width is None else min(half, self._width)

    def holds(self, records: int) -> None:
        """A page has been found to hold no more than so many records, whatever is asked for."""
        self._page_size = records

    def finish(self) -> None:
        """Everything has been read in another way."""
        self._before, self._apart = [], []
        self.is_done = True

    def full(self, times: Sequence[int]) -> None:
        """The window holds more than the page with records of these times: ask for less of it."""
        window = self.window
        self._newest = max(self._newest, *times)
        end = self._newest + 1 if window.end is None else window.end
        self._narrow(end, _cut(window.start, end, sorted(times), int(self._page_size * _FILLED)))

    def halve(self, times: Sequence[int]) -> None:
        """The window is to be read in two parts, with half of the records of these times in each."""
        window = self.window
        self._newest = max(self._newest, *times)
        self._narrow(self._newest + 1 if window.end is None else window.end, sorted(times)[len(times) // 2])

    def failed(self, now: int) -> None:
        """The service fails over the window: ask for half of it. `now` helps where the window has no end."""
        window = self.window
        end = window.end
        if end is None:
            # further than clocks differ, or a record that lies ahead could never be told apart
            end = max(self._newest, now, window.start) + _DAY
        self._spoiled_until = end
        self._narrow(end, (window.start + end) // 2)

    def _narrow(self, end: int, cut: int) -> None:
        # else a window that ended at a moment apart would be opened again, and never become smaller
        self._newest = max(self._newest, end - 1)
        self._width = max(1, min(cut, end - 1) - self.start)


def _until(start: int, end: int | None) -> Window:
    """Return the window that ends there, or is open where no moment lies behind."""
    return Window(start, None if end is None or end > timestamps.LAST else end)


def _cut(start: int, end: int, times: Sequence[int], fitting: int) -> int:
    """Return where to end the window so that the lower part fits a page, as far as the sample tells.

    `fitting` is how many records are to fit; a sample may be of more than one page.
    """
    oldest, newest = times[0], times[-1]
    if oldest == newest:
        # the next windows are what lies before that moment, then the moment alone
        return max(oldest, start + 1)
    if oldest - start > newest - oldest:
        # a service that sends the newest first says nothing of what lies below: halve the age, by order of magnitude
        return end - math.isqrt((end - start) * (end - oldest))
    return times[min(int(len(times) * _FILLED), max(1, fitting))]
