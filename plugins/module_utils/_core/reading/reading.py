# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the records of one tenant so that none is lost, whatever moves meanwhile and whichever spoils its page."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .. import timestamps
from ..calls import Calls
from ..errors import Postponed, RefusedRequest, TenantError
from ..wire.records import Record
from .capacity import Capacity
from .dialects import Dialect
from .pages import Page, Pages
from .passes import Passes
from .quarantine import Quarantined, SpoiledTick, is_failure
from .queries import Query
from .redirects import Redirects
from .windows import Sweep, Window

_FAR = timestamps.ticks("2200-01-01")
_FEW = 8
_CLOCKS_DIFFER = 30 * 60 * timestamps.TICKS_PER_SECOND
_REDIRECTED = "redirected"


@dataclass(frozen=True)
class _Question:
    """A page that was not full, and may all the same not be all of its window. `is_plain`: read without `$expand`."""

    window: Window
    page: Page
    is_plain: bool


class Reader:
    """Reads one query. After Postponed, `pages` can be called again and goes on where it stopped.

    `seen` maps ids to the newest version known of each (ticks); what it knows is not handed out, and it grows. `owed`
    is what earlier reads could not read. `expands` asks for what the dialect's `expand` names. `remembered` is what the
    service's pages have been seen to hold lately: enough to believe a short page that brings nothing new.
    """

    def __init__(
        self,
        calls: Calls,
        dialect: Dialect,
        query: Query,
        seen: dict[str, int] | None = None,
        owed: Collection[Quarantined] = (),
        expands: bool = False,
        remembered: Capacity | None = None,
    ) -> None:
        self._dialect = dialect
        self._query = query
        self._expands = expands and dialect.expand is not None
        self._pages = Pages(calls, dialect, query)
        self._owed = list(owed)
        self._remembered = remembered or Capacity()
        start = query.updated_after or 0
        self._sweep = Sweep(start, self._pages.size, {left_out.updated for left_out in owed})
        self._question: _Question | None = None
        self._passes: Passes | None = None
        self._spoiled: SpoiledTick | None = None
        self._redirects = Redirects(dialect.redirect_field if query.limit is None else None)
        self._to_expand: deque[Record] = deque()
        self._queued_from = start
        self._is_plain = False
        self._suspect_until = 0
        self._can_end_windows = True
        self._timeless: set[str] = set()
        self._future = int(time.time() * timestamps.TICKS_PER_SECOND) + _CLOCKS_DIFFER
        self.seen = {} if seen is None else seen
        self.count = 0
        self.truncated = False
        self.was_cut = False
        self.is_proven = True
        self.quarantined: list[Quarantined] = []

    @property
    def warnings(self) -> list[str]:
        """What the service said of answers that may be incomplete."""
        return self._pages.warnings

    @property
    def timeless(self) -> int:
        """How many records tell no time of last update: no later read can know that they have been handed out."""
        return len(self._timeless)

    @property
    def capacity(self) -> Capacity:
        """The most that pages have held. `was_cut` tells whether one held less than there was, without a word."""
        return self._pages.capacity

    @property
    def redirects(self) -> list[dict[str, Any]]:
        """The redirected records: `id`, the `target` that took its place, and whether that was `found`."""
        return self._redirects.to_result()

    @property
    def left_out(self) -> list[Quarantined]:
        """What the next read owes: the quarantined, redirections not followed, and what this one has not come to."""
        pending = {*self._sweep.pending, *(self._pages.updated(record) for record in self._to_expand)}
        return [
            *self.quarantined,
            *(Quarantined(one, self.seen[one], _REDIRECTED) for one in self._redirects.unfollowed(self.seen)),
            *(left_out for left_out in self._owed if left_out.updated in pending),
        ]

    @property
    def read_until(self) -> int:
        """The time of last update (ticks) before which everything has been handed out."""
        return self._queued_from if self._to_expand else self._sweep.start

    def name_quarantined(self, moment: int, ids: Collection[str]) -> None:
        """Give the quarantined of a moment, whose ids the service did not tell, those of `ids` that were not read."""
        unread = [identity for identity in ids if self.seen.get(identity, timestamps.FIRST - 1) < moment]
        unnamed = [at for at, one in enumerate(self.quarantined) if one.id is None and one.updated == moment]
        for at, identity in zip(unnamed, unread, strict=False):
            self.quarantined[at] = replace(self.quarantined[at], id=identity)

    def pages(self) -> Iterator[list[Record]]:
        """Yield records in portions, each version once. Raises TenantError or Postponed."""
        while not self.truncated and (self._to_expand or not self._sweep.is_done):
            yield self._fresh(self._step())
        while not self.truncated and (target := self._redirects.next_target(self.seen)):
            yield self._follow(target)

    def _step(self) -> list[Record]:
        if self._to_expand:
            return [self._expanded()]
        if self._passes:
            return self._next_of_passes(self._passes)
        if self._spoiled:
            return self._next_of_spoiled(self._spoiled)
        if self._question:
            return self._behind(self._question)
        return self._next_of_window()

    def _next_of_window(self) -> list[Record]:
        window = self._sweep.window
        if not self._can_end_windows:
            window = Window(min([self._sweep.start, *self._sweep.pending]), None)
        try:
            page = self._pages.of(window, expands=self._expands and not self._is_plain)
        except (TenantError, Postponed) as error:
            self._after_failure(window, error)
            return []
        if self._expands and self._is_plain:
            self._is_plain = False
            return self._without_expansion(window, page)
        self._go_on(window, page)
        return page.records

    def _go_on(self, window: Window, page: Page, is_plain: bool = False) -> None:
        times = [moment for moment in map(self._pages.updated, page.records) if moment is not None]
        if window.end is not None and any(moment >= window.end for moment in times):
            # the service takes no notice of where the window ends
            self._can_end_windows = False
            window = Window(window.start, None)
        elif page.is_whole or self._is_familiar(page):
            self._pass_over(window, len(page.records))
            return
        elif not page.is_cut and self._stays(window, page):
            self._question = _Question(window, page, is_plain)
            return
        is_dividable = self._can_end_windows and not window.is_one_tick and len(times) == len(page.records) > 0
        if not is_dividable or not page.is_cut:
            self._passes = Passes(self._pages, window)
        else:
            self._sweep.full(times)

    def _is_familiar(self, page: Page) -> bool:
        """Tell whether a short page has nothing new, at a service that was seen to send longer ones lately."""
        if page.is_cut or not self._remembered.has_room_for_more(page.capacity):
            return False
        is_familiar = not any(map(self._is_news, page.records))
        self.is_proven &= not is_familiar
        return is_familiar

    def _stays(self, window: Window, page: Page) -> bool:
        """Tell whether what lies behind the page is still to be found there a moment later.

        A record that is updated leaves a window with an end, and takes one of those behind the page into its place.
        """
        return window.end is None or len(page.records) < self.capacity.records

    def _behind(self, question: _Question) -> list[Record]:
        """Ask what lies behind a page that was not full: nothing proves that it was all."""
        window, page = question.window, question.page
        expands = self._expands and not question.is_plain
        try:
            behind = self._pages.of(window, expands=expands, skip=len(page.records))
        except (TenantError, Postponed) as error:
            self._after_failure(window, error)
            self._question = None
            return []
        self._question = None
        known = set(map(self._pages.version, page.records))
        more = [record for record in behind.records if self._pages.version(record) not in known]
        if more:
            self.was_cut = True
            self._sweep.holds(self.capacity.records)
        if behind.is_whole and not behind.records:
            self._pass_over(window, len(page.records))
        else:
            # even where it only shows the same again: something new may have moved that behind the page
            self._go_on(window, replace(page, records=page.records + more, link=behind.link, is_cut=True))
        return self._queued(window, more) if question.is_plain else more

    def _pass_over(self, window: Window, count: int) -> None:
        if window.end is None:
            self._sweep.finish()
        else:
            self._sweep.whole(count)

    def _next_of_passes(self, passes: Passes) -> list[Record]:
        found = passes.next_page()
        if passes.is_done:
            self._passes = None
            self._pass_over(passes.window, self._pages.size)
        return self._queued(passes.window, found) if self._expands else found

    def _next_of_spoiled(self, spoiled: SpoiledTick) -> list[Record]:
        found = spoiled.next_record()
        if spoiled.is_done:
            self._spoiled = None
            self.quarantined.extend(spoiled.quarantined)
            self._pass_over(spoiled.window, 0)
        return self._queued(spoiled.window, found) if self._expands else found

    def _after_failure(self, window: Window, error: TenantError | Postponed) -> None:
        """Ask for less next time, where that can help: without an end, without `$expand`, or for half of the window."""
        if isinstance(error, RefusedRequest) and window.end is not None:
            # whether the XDR API knows `lt` is not documented
            self._can_end_windows = False
            return
        is_suspect = window.start < self._suspect_until
        # on the way to the one record that is to blame, to repeat every failure would take minutes
        is_worth_waiting = isinstance(error, Postponed) and (not is_suspect or window.is_one_tick)
        if is_worth_waiting or not is_failure(error.error.reason if isinstance(error, Postponed) else error.reason):
            raise error
        if not is_suspect or window.is_one_tick:
            # a window without records: where this fails too, the service is down, and no record is to blame
            self._pages.of(Window(_FAR, None), size=1)
            self._suspect_until = max(self._suspect_until, _FAR if window.end is None else window.end)
        if self._expands and not self._is_plain:
            self._is_plain = True
        elif not self._can_end_windows:
            raise error
        elif window.is_one_tick:
            self._is_plain = False
            self._spoiled = SpoiledTick(self._pages, window)
        else:
            self._is_plain = False
            self._sweep.failed(int(time.time() * timestamps.TICKS_PER_SECOND))

    def _without_expansion(self, window: Window, page: Page) -> list[Record]:
        """Expand few records one by one; of more, find out first which half of them spoils the page."""
        times = [moment for moment in map(self._pages.updated, page.records) if moment is not None]
        if (not page.is_cut and len(page.records) <= _FEW) or window.is_one_tick or not self._can_end_windows:
            self._go_on(window, page, is_plain=True)
            return self._queued(window, page.records)
        self._sweep.halve(times)
        return []

    def _queued(self, window: Window, found: list[Record]) -> list[Record]:
        self._take_up_redirections(found)
        if not self._to_expand:
            self._queued_from = window.start
        self._to_expand.extend(record for record in found if self._is_news(record) and record not in self._to_expand)
        return []

    def _expanded(self) -> Record:
        record = self._to_expand[0]
        identity = self._identity(record)
        try:
            whole = self._pages.one(identity, expands=True)
        except TenantError as error:
            if not is_failure(error.reason):
                raise
            whole = None
            updated = self._pages.updated(record)
            moment = self._queued_from if updated is None else updated
            self.quarantined.append(Quarantined(identity, moment, error.reason.code or ""))
        self._to_expand.popleft()
        return whole or record

    def _fresh(self, found: list[Record]) -> list[Record]:
        """Return those that nobody has in this version, filtered by what the service cannot filter, up to the limit."""
        self._take_up_redirections(found)
        fresh = [record for record in found if self._is_new(record) and self._query.accepts(record)]
        limit = self._query.limit
        if limit is not None and self.count + len(fresh) > limit:
            self.truncated = True
            fresh = fresh[: limit - self.count]
        return self._handed_out(fresh)

    def _handed_out(self, fresh: list[Record]) -> list[Record]:
        for record in fresh:
            self._redirects.note(self._identity(record), record)
        self.count += len(fresh)
        return fresh

    def _take_up_redirections(self, found: list[Record]) -> None:
        """Have those targets followed that an earlier read could not get, without handing out what leads to them."""
        redirected = {left_out.id for left_out in self._owed if left_out.code == _REDIRECTED}
        for record in found:
            identity = self._identity(record)
            if identity in redirected and not self._is_news(record):
                self._owed = [left_out for left_out in self._owed if left_out.id != identity]
                self._redirects.note(identity, record)

    def _is_new(self, record: Record) -> bool:
        if not self._is_news(record):
            return False
        identity = self._identity(record)
        self._owed = [left_out for left_out in self._owed if left_out.id != identity]
        updated = self._pages.updated(record)
        if updated is None:
            self._timeless.add(record.text)
            self.seen.setdefault(identity, timestamps.FIRST)
        else:
            self.seen[identity] = updated
        return True

    def _is_news(self, record: Record) -> bool:
        """Tell whether nobody has the record in this version, or only without what was to be expanded."""
        identity, updated = self._identity(record), self._pages.updated(record)
        if updated is None:
            # nothing tells its states apart but what it says
            return record.text not in self._timeless
        known = self.seen.get(identity)
        if known is None or updated > known or updated < known > self._future:
            # no version that claimed to come from the future keeps later ones back
            return True
        is_owed = any(left_out.id == identity and left_out.code != _REDIRECTED for left_out in self._owed)
        return is_owed and all(left_out.id != identity for left_out in self.quarantined)

    def _identity(self, record: Record) -> str:
        return self._pages.identity(record)

    def _follow(self, target: str) -> list[Record]:
        """Return the record that others redirect to, which may lie outside of what the query asks for."""
        try:
            found = self._pages.one(target, self._expands)
        except TenantError as error:
            if not is_failure(error.reason):
                raise
            self._redirects.give_up(target, for_good=False)
            return []
        fresh = [found] if found and self._is_new(found) else []
        if target not in self.seen:
            self._redirects.give_up(target)
        return self._handed_out(fresh)
