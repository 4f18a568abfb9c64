# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sweep over the records of one query: each is met at least once, whatever moves meanwhile. See `phases`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from statistics import median_high

from .. import timestamps
from ..errors import Postponed, RefusedRequest, TenantError
from ..wire.records import Record
from .agenda import Agenda
from .double_collect import DoubleCollect
from .listing import Listing, Page
from .paging import Paging, Terms
from .phases import TRANSITIONS, Finding, Phase
from .quarantine import Quarantined, SpoiledTick, is_failure
from .trail import Trail
from .windows import Window

_NOBODYS = Window(timestamps.ticks("2200-01-01"), None)
_FEW = 8

_Step = tuple[Finding, list[Record]]


@dataclass(frozen=True)
class Found:
    """What one step brought; `is_plain` says that the records lack what was to be expanded."""

    records: list[Record]
    is_plain: bool


class Sweep:
    """Meets the records from `start` on: `advance` makes one step, again and again until `is_done`.

    `apart` are moments at which a record is known to spoil its page. `is_news` tells whether nobody has a record yet.
    Records over which the service fails are added to `quarantined`.
    """

    def __init__(
        self,
        listing: Listing,
        start: int,
        terms: Terms,
        is_news: Callable[[Record], bool],
        quarantined: list[Quarantined],
        apart: Collection[int] = (),
    ) -> None:
        self.agenda = Agenda(start, apart)
        self.paging = Paging(self.agenda, listing, terms, is_news)
        self._quarantined = quarantined
        self._phase = Phase.SWEEPING
        self._listing = listing
        self._terms = terms
        self._has_ended_one = False
        self._suspect_until = 0
        self._collect: DoubleCollect | None = None
        self._spoiled: SpoiledTick | None = None
        self._steps: dict[Phase, Callable[[], _Step]] = {
            Phase.SWEEPING: self._sweep,
            Phase.SIMPLIFYING: self._simplify,
            Phase.PROBING: self._probe,
            Phase.CONFIRMING: self._confirm,
            Phase.COLLECTING: self._collect_all,
            Phase.ISOLATING: self._isolate,
        }

    @property
    def is_done(self) -> bool:
        return self._phase is Phase.DONE

    def advance(self) -> Found:
        """Make the next step, and return what that brought. Raises TenantError or Postponed, and can go on."""
        is_plain = self._terms.expands and self._phase is not Phase.SWEEPING
        finding, records = self._steps[self._phase]()
        self._phase = Phase.DONE if self.agenda.is_done else TRANSITIONS[self._phase][finding]
        return Found(records, is_plain)

    def _sweep(self) -> _Step:
        """Ask for the next page of the oldest window."""
        if self.paging.is_too_far:
            return self.paging.divide_too_far(), []
        skip = self.paging.next_position()
        page = self._ask(skip, expands=self._terms.expands)
        if isinstance(page, Finding):
            return page, []
        return self.paging.add(page, skip), page.records

    def _simplify(self) -> _Step:
        """Ask for the same page plain. Few of its records can be expanded one by one; many are divided first."""
        skip = self.paging.next_position()
        page = self._ask(skip)
        if isinstance(page, Finding):
            return page, []
        times = [moment for moment in map(self._listing.updated, page.records) if moment is not None]
        if times and self.agenda.is_divisible and (page.is_cut or len(page.records) > _FEW):
            self.agenda.cut(median_high(times))
            return Finding.DIVIDED, []
        return self.paging.add(page, skip), page.records

    def _probe(self) -> _Step:
        """Ask whether a record lies behind the page. It is not handed out, for nothing proves what lies before it."""
        trail = self.agenda.next.trail
        page = self._ask(trail.end, size=1)
        if isinstance(page, Finding):
            return page, []
        if page.is_whole:
            return self._no_more(), []
        met = self.paging.met(page)
        if trail.begins_with(met) and self._begins_anew(trail):
            return self._end_without_skips(), []
        self.paging.was_cut |= not trail.has_met(met)
        return Finding.MORE if self.paging.next_brings_more else self.paging.lose_track(), []

    def _begins_anew(self, trail: Trail) -> bool:
        """Ask further down the list, and tell whether that begins with the first record as well: `$skip` is ignored."""
        page = self._ask(trail.end + self._listing.size, size=1)
        return not isinstance(page, Finding) and trail.begins_with(self.paging.met(page))

    def _end_without_skips(self) -> Finding:
        """What lies behind a page cannot be asked for by `$skip`: by links, or else nothing says that there is any."""
        if self.paging.is_said_to_go_on:
            return Finding.INDIVISIBLE
        self.agenda.close()
        return Finding.READ

    def _no_more(self) -> Finding:
        """Nothing lies behind the page; of a window with an end, some may have left it, and the rest have moved up."""
        if self.agenda.next.window.end is not None:
            return Finding.UNPROVEN
        self.agenda.close()
        return Finding.READ

    def _confirm(self) -> _Step:
        """Ask whether the last record met is still in its place: then none that lay behind it has moved up."""
        trail = self.agenda.next.trail
        page = self._ask(trail.end - 1, size=1)
        if isinstance(page, Finding):
            return page, []
        if self.paging.met(page) != [trail.last]:
            return self.paging.lose_track(), []
        self.agenda.close()
        return Finding.READ, []

    def _collect_all(self) -> _Step:
        """Read the pages of a window over and over."""
        self._collect = self._collect or DoubleCollect(self._listing, self.agenda.next.window)
        found = self._collect.next_page()
        if not self._collect.is_done:
            return Finding.MORE, found
        self._collect = None
        self.agenda.close()
        return Finding.READ, found

    def _isolate(self) -> _Step:
        """Read the records of a moment one by one."""
        self._spoiled = self._spoiled or SpoiledTick(self._listing, self.agenda.next.window)
        found = self._spoiled.next_record()
        if not self._spoiled.is_done:
            return Finding.MORE, found
        self._quarantined.extend(self._spoiled.quarantined)
        self._spoiled = None
        self.agenda.close()
        return Finding.READ, found

    def _ask(self, skip: int, *, expands: bool = False, size: int | None = None) -> Page | Finding:
        """Return a page of the oldest window, or what its refusal or failure leads to."""
        window = self.agenda.next.window
        try:
            page = self._listing.page(window, expands=expands, skip=skip, size=size)
        except RefusedRequest:
            if window.end is not None and (skip == 0 or not self._has_ended_one):
                # whether the XDR API knows `lt` is not documented
                self.agenda.open_up()
                return Finding.DIVIDED
            position = self.paging.next_position()
            if position == 0:
                raise
            self.paging.keep_below(position)
            return Finding.MORE
        except (TenantError, Postponed) as error:
            return self._after_failure(window, error, expands)
        self._has_ended_one |= window.end is not None
        return page

    def _after_failure(self, window: Window, error: TenantError | Postponed, expands: bool) -> Finding:
        """Ask for less next time, where that can help: without `$expand`, for half the window, or record by record."""
        is_suspect = window.start < self._suspect_until
        # on the way to the one record that is to blame, to repeat every failure would take minutes
        is_worth_waiting = isinstance(error, Postponed) and (not is_suspect or window.is_one_tick)
        if is_worth_waiting or not is_failure(error.error.reason if isinstance(error, Postponed) else error.reason):
            raise error
        if not is_suspect or window.is_one_tick:
            # a window without records: where this fails too, the service is down, and no record is to blame
            self._listing.page(_NOBODYS, size=1)
            self._suspect_until = max(self._suspect_until, _NOBODYS.start if window.end is None else window.end)
        if expands:
            return Finding.FAILED_TO_EXPAND
        if not self.agenda.has_ends:
            raise error
        if window.is_one_tick:
            return Finding.FAILED_AT_ONE_MOMENT
        self.agenda.halve(self._terms.now)
        return Finding.DIVIDED
