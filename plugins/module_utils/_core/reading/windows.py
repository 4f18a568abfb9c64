# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows of time, and where to divide one that holds more than can be read of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import timestamps


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

    def covers(self, moment: int) -> bool:
        """Tell whether a record that was last updated at this moment is in the window."""
        return self.start <= moment and (self.end is None or moment < self.end)

    def divided(self, cut: int) -> tuple[Window, Window]:
        """Return the part before and the part from the cut on, which is moved so that neither is empty."""
        last = timestamps.LAST if self.end is None else self.end - 1
        cut = max(self.start + 1, min(cut, last))
        return Window(self.start, cut), Window(cut, self.end)


def cut_to_fit(window: Window, times: Sequence[int], fitting: int, least_width: int = 0) -> int:
    """Return where to cut the window so that the part before it holds about as many records as are `fitting`.

    `times` are those of records in the window, in the order in which the service lists them: what lies beyond them is
    a guess. The part is at least `least_width` ticks wide, where nothing is known of it.
    """
    oldest, newest, ascending = min(times), max(times), sorted(times)
    if oldest == newest:
        # the parts are what lies before that moment, then the moment alone
        return max(oldest, window.start + 1)
    half = ascending[len(times) // 2]
    if list(times) == ascending[::-1]:
        # the newest come first, and tell how close together the older ones may be
        guess = window.start + fitting * (newest - oldest) // len(times)
        return min(half, max(guess, min(window.start + least_width, oldest)))
    if list(times) == ascending and fitting < len(times):
        return ascending[fitting]
    # any order, or fewer than were expected to fit: the records met are all that is known of how they are spread
    return half
