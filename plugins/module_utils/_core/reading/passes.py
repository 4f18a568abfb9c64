# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All pages of a set that is not to be divided, read until nothing can have slipped through."""

from __future__ import annotations

from .. import errors
from ..errors import Reason, TenantError
from ..wire.links import NextLinks
from ..wire.records import Record
from .pages import Pages
from .windows import Window

_MOST_PASSES = 6


class Passes:
    """Reads a set page after page, again and again until two passes agree: then nothing slipped through while it moved.

    A record slips through when one on an earlier page leaves; then the next pass does not find that one. `is_done`
    tells when it is enough.
    """

    def __init__(self, pages: Pages, window: Window) -> None:
        self.window = window
        self._pages = pages
        self._pass = _Pass(pages.links())
        self._count = 0
        self.is_done = False

    def next_page(self) -> list[Record]:
        """Return the records of the next page. Raises TenantError where the set never stands still, or Postponed."""
        this = self._pass
        page = self._pages.at(this.link) if this.link else self._pages.of(self.window, skip=this.skip)
        versions = {self._pages.version(record) for record in page.records}
        brings_nothing = versions <= this.seen
        this.seen |= versions
        if page.link:
            this.link = this.links.checked(page.link, brought_news=not brings_nothing)
        elif page.is_whole or this.link or brings_nothing:
            # a service that links its pages has no more behind the one without a link, however full that is;
            # and one that ignores `$skip` would send the same page for ever
            self._end(this)
        else:
            this.skip += self._pages.size
        return page.records

    def _end(self, last: _Pass) -> None:
        self._count += 1
        self.is_done = last.is_single or last.seen == last.seen_before
        if not self.is_done and self._count == _MOST_PASSES:
            meaning = "the records change faster than they can be read: no two readings of the same pages agreed"
            raise TenantError(Reason(errors.ERROR, meaning, "run again at a quieter time, or read a shorter time"))
        self._pass = _Pass(self._pages.links(), last.seen)


class _Pass:
    """How far one pass is, and the versions of records that it and the one before it saw."""

    def __init__(self, links: NextLinks, seen_before: set[tuple[str, str]] | None = None) -> None:
        self.links = links
        self.link: str | None = None
        self.skip = 0
        self.seen: set[tuple[str, str]] = set()
        self.seen_before = seen_before

    @property
    def is_single(self) -> bool:
        """Whether one page was all, which no move can have divided."""
        return not self.link and not self.skip
