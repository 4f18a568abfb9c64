# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records that came without what was to be expanded: each is asked for again by its id, with it."""

from __future__ import annotations

from collections import deque

from ..errors import TenantError
from ..wire.records import Record
from .listing import Listing
from .quarantine import Quarantined, is_failure


class ExpansionQueue:
    """The records that are still to be expanded. Those that the service cannot expand are added to `quarantined`.

    `read_until` is the time of last update (ticks) before which none is in the queue.
    """

    def __init__(self, listing: Listing, quarantined: list[Quarantined]) -> None:
        self._listing = listing
        self._quarantined = quarantined
        self._waiting: deque[Record] = deque()
        self.read_until = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def pending(self) -> set[int | None]:
        """When the waiting records were last updated."""
        return {self._listing.updated(record) for record in self._waiting}

    def add(self, record: Record, read_until: int) -> None:
        """Have a record expanded that comes from a window which begins at `read_until`."""
        if not self._waiting:
            self.read_until = read_until
        if record not in self._waiting:
            self._waiting.append(record)

    def expand(self) -> Record:
        """Return the next record, as it was where the service cannot expand it. Raises TenantError or Postponed."""
        record = self._waiting[0]
        identity = self._listing.identity(record)
        expanded = None
        try:
            expanded = self._listing.record(identity, expands=True)
        except TenantError as error:
            if not is_failure(error.reason):
                raise
            updated = self._listing.updated(record)
            moment = self.read_until if updated is None else updated
            self._quarantined.append(Quarantined(identity, moment, error.reason.code or ""))
        self._waiting.popleft()
        return expanded or record
