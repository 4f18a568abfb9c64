# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the records of one tenant so that none is lost, whatever moves meanwhile and whichever spoils its page.

A reader hands out what its parts find, each version once: first all that a sweep over the query meets (see `phases`),
each record expanded where it came plain; then what took the place of redirected records.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from .. import timestamps
from ..calls import Calls
from ..errors import TenantError
from ..wire.records import Record
from .capacity import Capacity
from .dialects import Dialect
from .expansions import ExpansionQueue
from .known_versions import REDIRECTED, KnownVersions
from .listing import Listing
from .paging import Terms
from .quarantine import Quarantined, is_failure
from .queries import Query
from .redirects import Redirection, Redirects
from .sweep import Sweep


class Reader:
    """Reads one query. After Postponed, `pages` can be called again and goes on where it stopped.

    `seen` maps ids to the newest version known of each (ticks); what it knows is not handed out, and it grows. `owed`
    is what earlier reads could not read. `expands` asks for what the dialect's `expand` names. `remembered` is what the
    service's pages have been seen to hold lately: enough to believe a short page that brings nothing new. `handed_over`
    are records that an earlier read handed out before it was killed.
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
        handed_over: Iterable[Record] = (),
    ) -> None:
        now = int(time.time() * timestamps.TICKS_PER_SECOND)
        self.seen = {} if seen is None else seen
        self.count = 0
        self.truncated = False
        self.quarantined: list[Quarantined] = []
        self._query = query
        self._expands = expands and dialect.expand is not None
        self._listing = Listing(calls, dialect, query)
        self._known = KnownVersions(self._listing, self.seen, owed, now)
        self._sweep = Sweep(
            self._listing,
            query.updated_after or 0,
            Terms(now, dialect.most_skipped, self._expands, remembered or Capacity()),
            self._known.is_news,
            self.quarantined,
            {left_out.updated for left_out in owed},
        )
        self._expansions = ExpansionQueue(self._listing, self.quarantined)
        self._redirects = Redirects(dialect.redirect_field if query.limit is None else None)
        self._take_up(record for record in handed_over if not self._expands or dialect.expand in record)

    @property
    def warnings(self) -> list[str]:
        """What the service said of answers that may be incomplete."""
        return self._listing.warnings

    @property
    def timeless(self) -> int:
        """How many records tell no time of last update: no later read can know that they have been handed out."""
        return len(self._known.timeless)

    @property
    def capacity(self) -> Capacity:
        """The most that pages have held. `was_cut` tells whether one held less than there was, without a word."""
        return self._listing.capacity

    @property
    def was_cut(self) -> bool:
        return self._sweep.paging.was_cut

    @property
    def is_proven(self) -> bool:
        """Whether it was put to the test that nothing lay behind short pages."""
        return self._sweep.paging.is_proven

    @property
    def redirects(self) -> list[Redirection]:
        """The redirected records: `id`, the `target` that took its place, and whether that was `found`."""
        return self._redirects.to_result()

    @property
    def left_out(self) -> list[Quarantined]:
        """What the next read owes: the quarantined, redirections not followed, and what this one has not come to."""
        pending = {*self._sweep.agenda.pending, *self._expansions.pending}
        return [
            *self.quarantined,
            *(Quarantined(one, self.seen[one], REDIRECTED) for one in self._redirects.unfollowed(self.seen)),
            *(left_out for left_out in self._known.owed if left_out.updated in pending),
        ]

    @property
    def read_until(self) -> int:
        """The time of last update (ticks) before which everything has been handed out."""
        return self._expansions.read_until if self._expansions else self._sweep.agenda.read_until

    def name_quarantined(self, moment: int, ids: Collection[str]) -> None:
        """Give the quarantined of a moment, whose ids the service did not tell, those of `ids` that were not read."""
        unread = [identity for identity in ids if self.seen.get(identity, timestamps.FIRST - 1) < moment]
        unnamed = [at for at, one in enumerate(self.quarantined) if one.id is None and one.updated == moment]
        for at, identity in zip(unnamed, unread, strict=False):
            self.quarantined[at] = replace(self.quarantined[at], id=identity)

    def pages(self) -> Iterator[list[Record]]:
        """Yield records in portions, each version once. Raises TenantError or Postponed."""
        while not self.truncated and not (self._sweep.is_done and not self._expansions):
            yield self._hand_out_accepted(self._find())
        while not self.truncated and (target := self._redirects.next_target(self.seen)):
            yield self._hand_out(self._follow(target))

    def _take_up(self, handed_over: Iterable[Record]) -> None:
        """Go on behind these records, as if this read had handed them out."""
        for record in handed_over:
            if self._listing.updated(record) is not None:
                self._known.note(record)
                self._redirects.note(self._listing.identity(record), record)

    def _find(self) -> list[Record]:
        """Return the records that the next step brings, as far as they need not be expanded first."""
        if self._expansions:
            return [self._expand()]
        read_until = self._sweep.agenda.read_until
        found = self._sweep.advance()
        self._take_up_redirections(found.records)
        if not found.is_plain:
            return found.records
        for record in filter(self._known.is_news, found.records):
            self._expansions.add(record, read_until)
        return []

    def _expand(self) -> Record:
        failures = len(self.quarantined)
        record = self._expansions.expand()
        if len(self.quarantined) > failures:
            # it has been tried again: without what was to be expanded, nobody needs it twice
            self._known.settle(self._listing.identity(record))
        return record

    def _take_up_redirections(self, found: list[Record]) -> None:
        """Have those targets followed that an earlier read could not get, without handing out what leads to them."""
        for record in found:
            if self._known.leads_to_owed(record) and not self._known.is_news(record):
                identity = self._listing.identity(record)
                self._known.settle(identity)
                self._redirects.note(identity, record)

    def _hand_out_accepted(self, found: list[Record]) -> list[Record]:
        """Return those that nobody has in this version, filtered by what the service cannot filter, up to the limit."""
        fresh = []
        for record in found:
            if not self._known.is_news(record):
                continue
            self._known.note(record)
            if self._query.accepts(record):
                fresh.append(record)
        limit = self._query.limit
        if limit is not None and self.count + len(fresh) > limit:
            self.truncated = True
            fresh = fresh[: limit - self.count]
        return self._hand_out(fresh)

    def _hand_out(self, fresh: list[Record]) -> list[Record]:
        for record in fresh:
            self._redirects.note(self._listing.identity(record), record)
        self.count += len(fresh)
        return fresh

    def _follow(self, target: str) -> list[Record]:
        """Return the record that others redirect to, which may lie outside of what the query asks for."""
        try:
            found = self._listing.record(target, self._expands)
        except TenantError as error:
            if not is_failure(error.reason):
                raise
            self._redirects.give_up(target, for_good=False)
            return []
        is_news = found is not None and self._known.is_news(found)
        if found is not None and is_news:
            self._known.note(found)
        if target not in self.seen:
            self._redirects.give_up(target)
        return [found] if found is not None and is_news else []
