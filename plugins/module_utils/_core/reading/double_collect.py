# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All pages of a set that is not to be divided, read until two readings agree: a double collect."""

from __future__ import annotations

from .. import errors
from ..errors import Reason, TenantError
from ..wire.links import NextLinks
from ..wire.records import Record
from .listing import Listing
from .windows import Window

_MOST_PASSES = 6
_OF_A_SHUFFLED_PASS = 0.1
_MOST_BARREN = 3
_ALIKE = 2
_ALIKE_WITH_REPEATS = 6
"""How many passes in a row must meet the same: by chance those of a service without an order may do so twice."""


class DoubleCollect:
    """Reads a set page after page, again and again until two passes agree: then nothing slipped through while it moved.

    A record slips through when one on an earlier page leaves; then the next pass does not find that one. A service that
    keeps no order sends some twice and others not at all; then passes of equally many records agree once they have met
    as many different ones. `is_done` tells when it is enough.
    """

    def __init__(self, listing: Listing, window: Window) -> None:
        self.window = window
        self._listing = listing
        self._pass = _Pass(listing.links())
        self._count = 0.0
        self.is_done = False

    def next_page(self) -> list[Record]:
        """Return the records of the next page. Raises TenantError where the set never stands still, or Postponed."""
        this = self._pass
        page = self._listing.page_at(this.link) if this.link else self._listing.page(self.window, skip=this.skip)
        versions = {self._listing.version(record) for record in page.records}
        this.barren = 0 if versions - this.seen else this.barren + 1
        # a service that ignores `$skip` sends the same page for ever; a short page may be the same by chance
        this.is_barren = this.barren >= (1 if len(page.records) >= self._listing.size else _MOST_BARREN)
        this.seen |= versions
        this.count += len(page.records)
        if page.link:
            this.link = this.links.checked(page.link, brought_news=not this.barren)
        elif page.is_whole or this.link or not page.records or this.is_barren:
            # a service that links its pages has no more behind the one without a link, however full that is
            self._end(this, page.total)
        else:
            this.skip += len(page.records)
        return page.records

    def _end(self, last: _Pass, total: int | None) -> None:
        if total is not None and last.count < total:
            meaning = f"the service counts {total} records and sent {last.count}, without a way to the others"
            raise TenantError(Reason(errors.ERROR, meaning, "run again, or read a shorter time"))
        # without an order one pass meets few, and it takes many until all have been met
        self._count += 1 if last.repeats_nothing else _OF_A_SHUFFLED_PASS
        self.is_done = last.is_single or last.agrees()
        if not self.is_done and self._count >= _MOST_PASSES:
            meaning = "the records change faster than they can be read: no two readings of the same pages agreed"
            raise TenantError(Reason(errors.ERROR, meaning, "run again at a quieter time, or read a shorter time"))
        self._pass = _Pass(self._listing.links(), last)


class _Pass:
    """How far one pass is, which versions of records it saw, in how many records; `before` is the pass before it."""

    def __init__(self, links: NextLinks, before: _Pass | None = None) -> None:
        self.links = links
        self.link: str | None = None
        self.skip = 0
        self.count = 0
        self.barren = 0
        self.is_barren = False
        self.alike = 1
        self.seen: set[tuple[str, str]] = set()
        self._before = before
        self.met: set[tuple[str, str]] = set()

    @property
    def is_single(self) -> bool:
        """Whether one page was all, which no move can have divided."""
        return not self.link and not self.skip

    @property
    def repeats_nothing(self) -> bool:
        """Whether every record came once: a service without an order sends some twice, and then others not at all."""
        return len(self.seen) == self.count

    def agrees(self) -> bool:
        """Tell whether this pass, now over, and those before it show the same set."""
        before, self._before = self._before, None
        self.met = self.seen
        if before is None:
            return False
        self.alike = before.alike + 1 if self.seen == before.seen else 1
        if self.alike >= (_ALIKE if self.is_barren or self.repeats_nothing else _ALIKE_WITH_REPEATS):
            return True
        together = self.seen | before.met
        # as long as nothing comes or goes, what the passes met adds up
        if self.count == before.count and len(together) <= self.count:
            self.met = together
        return len(together) == self.count == before.count
