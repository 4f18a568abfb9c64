# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version of each record has been handed out, by this read or an earlier one, and which is still owed."""

from __future__ import annotations

from collections.abc import Collection

from .. import timestamps
from ..wire.records import Record
from .listing import Listing
from .quarantine import Quarantined

REDIRECTED = "redirected"
"""The code of what is owed because the record that took its place could not be read."""
_CLOCKS_DIFFER = 30 * 60 * timestamps.TICKS_PER_SECOND


class KnownVersions:
    """`seen` maps ids to the newest version handed out (ticks), and grows; `owed` is what could not be read so far.

    `now` is this machine's time in ticks. `timeless` are the texts of records that tell no time of last update.
    """

    def __init__(self, listing: Listing, seen: dict[str, int], owed: Collection[Quarantined], now: int) -> None:
        self._listing = listing
        self._future = now + _CLOCKS_DIFFER
        self.seen = seen
        self.owed = list(owed)
        self.timeless: set[str] = set()

    def is_news(self, record: Record) -> bool:
        """Tell whether nobody has the record in this version, or it is owed all the same."""
        identity, updated = self._listing.identity(record), self._listing.updated(record)
        if updated is None:
            # nothing tells its states apart but what it says
            return record.text not in self.timeless
        known = self.seen.get(identity)
        if known is None or updated > known or updated < known > self._future:
            # no version that claimed to come from the future keeps later ones back
            return True
        return any(one.id == identity and one.code != REDIRECTED for one in self.owed)

    def leads_to_owed(self, record: Record) -> bool:
        """Tell whether an earlier read could not get what took the place of the record."""
        identity = self._listing.identity(record)
        return any(one.id == identity and one.code == REDIRECTED for one in self.owed)

    def note(self, record: Record) -> None:
        """The record is handed out in this version, and no longer owed."""
        identity, updated = self._listing.identity(record), self._listing.updated(record)
        self.settle(identity)
        if updated is None:
            self.timeless.add(record.text)
            self.seen.setdefault(identity, timestamps.FIRST)
        else:
            self.seen[identity] = updated

    def settle(self, identity: str) -> None:
        """The record of that id is no longer owed."""
        self.owed = [one for one in self.owed if one.id != identity]
