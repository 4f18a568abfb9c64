# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The windows that are still to be read, the oldest first; together they cover all that has not been read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from .. import timestamps
from .trail import Trail
from .windows import Window, cut_to_fit

_FILLED = 0.8
"""How much of what can be read of one window it is to hold: near the limit, and not at it."""
_GROWTH = 4
_GROWTH_OVER_NOTHING = 16
_DAY = 86_400 * timestamps.TICKS_PER_SECOND


@dataclass
class Stretch:
    """A window, and how far it has been read: `trail` is what was met of it, from the first record of the list on.

    `newest_at_first` is the newest time of last update when the first page was read: what is updated later is newer.
    `is_in_question` says that only the next page tells whether there is more. While `is_astray`, the next page must
    show where the trail goes on, since one did not; `strayed_at` is how far down the list it last got until then.
    `is_suspect` where the service failed over the window, and not over the part of it that was read.
    """

    window: Window
    trail: Trail = field(default_factory=Trail)
    newest_at_first: int | None = None
    is_in_question: bool = False
    is_astray: bool = False
    strayed_at: int = 0
    is_suspect: bool = False


class Agenda:
    """What is to be read from `start` on, and the moments `apart`, each in a window of its own: one spoils its page.

    The windows lie side by side, but for the moments apart that come before `start`. `read_until` is the time of last
    update (ticks) before which everything has been read. `has_ends` is false where the service knows no end of windows.
    """

    def __init__(self, start: int, apart: Collection[int] = ()) -> None:
        self._apart = sorted(apart)
        self._stretches = [Stretch(window) for window in _side_by_side(start, self._apart)][::-1]
        self._last_width, self._last_count = 0, 0
        self.has_ends = True
        self.read_until = start

    @property
    def is_done(self) -> bool:
        return not self._stretches

    @property
    def next(self) -> Stretch:
        """The stretch to read now."""
        return self._stretches[-1]

    @property
    def pending(self) -> list[int]:
        """The moments apart that have not been read yet."""
        return [moment for moment in self._apart if any(left.window.covers(moment) for left in self._stretches)]

    @property
    def is_divisible(self) -> bool:
        """Whether the next window can be divided, and all that was met of it belongs to one of the parts."""
        window, trail = self.next.window, self.next.trail
        return self.has_ends and not window.is_one_tick and len(trail.times) == len(trail)

    def close(self) -> None:
        """The next window has been read: go on behind it."""
        read = self._stretches.pop()
        if read.window.end is None:
            return
        self.read_until = max(self.read_until, read.window.end)
        self._last_width, self._last_count = read.window.end - read.window.start, len(read.trail)
        if self._stretches and self.next.is_suspect and not self.next.window.is_one_tick:
            # what the service fails over is in the rest
            self.halve(self.read_until)

    def divide(self, fitting: int, keeps_trail: bool) -> None:
        """Divide the next window so that about as many records as are `fitting` are in its first part.

        The trail is kept where the service goes on to list the records in the same order.
        """
        stretch, fitting = self.next, max(1, int(fitting * _FILLED))
        growth = min(_GROWTH, fitting / self._last_count) if self._last_count else _GROWTH_OVER_NOTHING
        least_width = int(self._last_width * growth)
        # a guess that did not fit is not made again
        self._last_width = 0
        cut = cut_to_fit(stretch.window, stretch.trail.times, fitting, least_width)
        if not keeps_trail:
            stretch.trail = Trail()
        self.cut(cut)

    def cut(self, moment: int) -> None:
        """Divide the next window at the moment, or as near to it as leaves no part empty."""
        stretch = self._stretches.pop()
        first, second = stretch.window.divided(moment)
        met_first, met_second = stretch.trail.divided(second.start)
        newest = max(stretch.trail.times, default=None)
        self._stretches.append(Stretch(second, met_second, newest, is_suspect=stretch.is_suspect))
        self._stretches.append(Stretch(first, met_first, is_in_question=stretch.is_in_question))

    def halve(self, now: int) -> None:
        """Divide the next window, over which the service fails, in halves. `now` helps where it has no end."""
        window = self.next.window
        if window.end is None:
            # further than clocks differ, or a record that lies ahead could never be told apart
            self.cut(max(now, window.start, *self.next.trail.times) + _DAY)
        for stretch in self._stretches:
            stretch.is_suspect = stretch is self.next
        window = self.next.window
        self.cut((window.start + (window.end or timestamps.LAST)) // 2)

    def open_up(self) -> None:
        """Make all that is left one window without an end, and begin it again."""
        self.has_ends = False
        self._stretches = [Stretch(Window(self.next.window.start, None))]


def _side_by_side(start: int, apart: Collection[int]) -> Iterator[Window]:
    """Yield a window for each of the moments (in order), and those between and behind them from `start` on."""
    for moment in apart:
        if moment > start:
            yield Window(start, moment)
        if moment == timestamps.LAST:
            yield Window(moment, None)
            return
        yield Window(moment, moment + 1)
        start = max(start, moment + 1)
    yield Window(start, None)
