# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the oldest window of an agenda by pages that join on to each other, as far as that can be proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..wire.records import Record
from .agenda import Agenda
from .capacity import Capacity
from .listing import Listing, Page
from .phases import Finding
from .trail import Met, Trail


@dataclass(frozen=True)
class Terms:
    """How a sweep is to read. `now` is this machine's time in ticks, and `most_skipped` the largest `$skip` to ask for.

    `expands` asks for what the dialect's `expand` names. `remembered` is what pages have been seen to hold lately.
    """

    now: int
    most_skipped: int
    expands: bool
    remembered: Capacity


class Paging:
    """Chooses where the next page of the agenda's oldest window begins, and judges what it shows.

    `was_cut` is true once a page has held less than there was, without a word, and `is_proven` false once a short page
    was believed because it brought no news (`is_news` tells whether nobody has a record yet). `next_brings_more` is
    whether the next page can bring what lies behind the last one; `is_said_to_go_on`, whether the service says that
    something does.
    """

    def __init__(self, agenda: Agenda, listing: Listing, terms: Terms, is_news: Callable[[Record], bool]) -> None:
        self.was_cut = False
        self.is_proven = True
        self.next_brings_more = False
        self.is_said_to_go_on = False
        self._agenda = agenda
        self._listing = listing
        self._terms = terms
        self._is_news = is_news
        self._most_skipped = terms.most_skipped
        self._can_skip = True

    @property
    def _room(self) -> int:
        """How many records a page holds, as far as has been seen."""
        return self._listing.capacity.records or self._listing.size

    @property
    def _overlap(self) -> int:
        """How many records the next page repeats: at most half of a page, or it would bring nothing."""
        trail = self._agenda.next.trail
        return trail.overlap(min(self._room, len(trail)) // 2)

    def next_position(self) -> int:
        """Return the `$skip` of the next page: it repeats a few records, or nearly a page of them to find the way."""
        stretch = self._agenda.next
        return max(0, stretch.trail.end - (self._room - 1 if stretch.is_astray else self._overlap))

    @property
    def is_too_far(self) -> bool:
        """Whether the next page lies further down the list than is worth asking, and there is another way."""
        return self.next_position() > self._most_skipped and (self._agenda.is_divisible or not self._can_skip)

    def keep_below(self, position: int) -> None:
        """Skip fewer records from now on: the service refused so many."""
        self._can_skip, self._most_skipped = False, min(self._most_skipped, position - 1)

    def divide_too_far(self) -> Finding:
        """Divide the window into parts whose pages can be asked for."""
        return self.divide(self._most_skipped)

    def add(self, page: Page, skip: int) -> Finding:
        """Add the page to the trail, and tell whether more of the window lies behind it."""
        stretch, met = self._agenda.next, self.met(page)
        end = stretch.window.end
        if end is not None and any(one.updated is not None and one.updated >= end for one in met):
            # the service ignores the end of the window
            self._agenda.open_up()
            return Finding.DIVIDED
        if skip == 0:
            stretch.trail = Trail()
            stretch.newest_at_first = max((one.updated for one in met if one.updated is not None), default=None)
        joint = stretch.trail.joint(met, skip) if skip else 0
        if joint is None:
            return self.lose_track()
        stretch.trail.extend(met[joint:], skip + len(met))
        self.is_said_to_go_on = page.is_cut
        brings_news = len(met) > joint
        self.was_cut |= brings_news and stretch.is_in_question
        is_familiar = skip == 0 and not page.is_whole and self._is_familiar(page)
        self.is_proven &= not is_familiar
        if page.is_whole or is_familiar:
            self._agenda.close()
            return Finding.READ
        stretch.is_astray = False
        is_full = page.is_cut or (self.was_cut and len(met) >= self._room)
        self.next_brings_more = brings_news and self._overlap > 0 and self.next_position() > skip
        if is_full and self._room > 1 and not self.next_brings_more:
            return self.lose_track()
        # in a window without an end a probe proves it by one call; the next page would first give it an end, and leave
        # what comes behind that to another page
        is_shown_by_next = is_full or (end is not None and self._is_shown_by_next(page))
        if not self.next_brings_more or not is_shown_by_next:
            return Finding.UNPROVEN
        stretch.is_in_question = not page.is_cut
        return self._bound() if end is None and not stretch.trail.is_ascending else Finding.MORE

    def _is_shown_by_next(self, page: Page) -> bool:
        """Tell whether the next page can be expected to tell as much of what lies behind this one as a probe would."""
        repeated = page.records[-self._overlap :]
        length = sum(len(record.text) for record in repeated)
        would_be_whole = self._listing.capacity.has_room_for_more(Capacity.of(repeated, length))
        return self.was_cut or would_be_whole

    def _is_familiar(self, page: Page) -> bool:
        """Tell whether a short page has nothing new, at a service that was seen to send longer ones lately."""
        had_room = not page.is_cut and self._terms.remembered.has_room_for_more(page.capacity)
        return had_room and not any(map(self._is_news, page.records))

    def lose_track(self) -> Finding:
        """Repeat nearly all of the last page, to find where the trail goes on; if that did not help, read by parts."""
        stretch = self._agenda.next
        if stretch.trail.end > stretch.strayed_at and self._room - 1 > self._overlap:
            stretch.is_astray, stretch.strayed_at = True, stretch.trail.end
            return Finding.ASTRAY
        return self.divide(self._room, keeps_trail=False)

    def divide(self, fitting: int, keeps_trail: bool = True) -> Finding:
        """Have the window read in parts, the first of which holds about as many records as are `fitting`."""
        if not self._agenda.is_divisible or not self._agenda.next.trail:
            return Finding.INDIVISIBLE
        self._agenda.divide(fitting, keeps_trail)
        return Finding.DIVIDED

    def _bound(self) -> Finding:
        """Give a window of more than a page an end, for what is updated meanwhile may move to a page that was read."""
        newest = self._agenda.next.newest_at_first
        if newest is None or not self._agenda.is_divisible:
            return Finding.INDIVISIBLE
        self._agenda.cut(newest + 1)
        return Finding.DIVIDED

    def met(self, page: Page) -> list[Met]:
        """Return what the trail keeps of the records on a page."""
        return [Met(self._listing.version(record), self._listing.updated(record)) for record in page.records]
