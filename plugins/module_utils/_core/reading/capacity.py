# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a service has been seen to put on one page: a page that held less was not cut short.

The Defender XDR API names no next page, and no Microsoft page says that every page but the last is full. So a page
with fewer records than were asked for proves nothing by itself: the service may have a smaller limit, of records or of
bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..wire.records import Record

_FAR_LARGER = 4


@dataclass(frozen=True)
class Capacity:
    """The most `records` that one page held, the longest answer and the `largest` record (both in characters)."""

    records: int = 0
    length: int = 0
    largest: int = 0

    def __or__(self, other: Capacity) -> Capacity:
        """Return what both have seen."""
        return Capacity(
            max(self.records, other.records), max(self.length, other.length), max(self.largest, other.largest)
        )

    @classmethod
    def of(cls, records: Sequence[Record], length: int) -> Capacity:
        """Return what an answer of this length with these records shows."""
        return cls(len(records), length, max((len(record.text) for record in records), default=0))

    def has_room_for_more(self, page: Capacity) -> bool:
        """Tell whether a page could have held one record more, even if that were far larger than any seen so far."""
        largest = max(self.largest, page.largest)
        return page.records < self.records and page.length + _FAR_LARGER * largest <= self.length
