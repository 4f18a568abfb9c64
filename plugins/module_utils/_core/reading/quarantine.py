# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records over which the service fails: told apart from their neighbours, named, and left for the next read.

Source: the listing of Microsoft Graph answers HTTP 500 for good where `$expand` meets an incident with many alerts, as
clients have reported in public.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from .. import errors, timestamps
from ..errors import Reason, TenantError
from ..wire.records import Record
from .listing import Listing
from .windows import Window

_MOST_FAILURES_IN_A_ROW = 3


class QuarantinedResult(TypedDict):
    """The same as it stands in results, and in a checkpoint."""

    id: str | None
    updated: str
    code: str


@dataclass(frozen=True)
class Quarantined:
    """A record that could not be read: its id where the service told it, its time of last update (ticks), the code."""

    id: str | None
    updated: int
    code: str

    def to_result(self) -> QuarantinedResult:
        return {"id": self.id, "updated": timestamps.render(self.updated), "code": self.code}


def is_failure(reason: Reason) -> bool:
    """Tell whether the service itself failed (HTTP 5xx), which a record may be to blame for."""
    return reason.state == errors.UNREACHABLE and (reason.code or "").startswith("5")


class SpoiledTick:
    """Reads the records updated at one moment one by one, and leaves out those over which the service fails."""

    def __init__(self, listing: Listing, window: Window) -> None:
        self._listing = listing
        self.window = window
        self._position = 0
        self._failures_in_a_row = 0
        self._seen: set[tuple[str, str]] = set()
        self._seen_before: set[tuple[str, str]] | None = None
        self.is_done = False
        self.quarantined: list[Quarantined] = []

    def next_record(self) -> list[Record]:
        """Return the next record, if it can be read. Raises TenantError or Postponed."""
        try:
            page = self._listing.page(self.window, skip=self._position, size=1)
        except TenantError as error:
            if not is_failure(error.reason):
                raise
            self.quarantined.append(Quarantined(None, self.window.start, error.reason.code or ""))
            self._failures_in_a_row += 1
            self._position += 1
            # then the moment itself is the trouble, and there is no telling how many records it has
            self.is_done = self._failures_in_a_row == _MOST_FAILURES_IN_A_ROW
            return []
        self._failures_in_a_row = 0
        self._position += 1
        self._seen.update(self._listing.version(record) for record in page.records)
        if page.is_whole:
            self._end()
        return page.records

    def _end(self) -> None:
        """With nothing left out, a record may have slipped through: read again, until two readings agree."""
        self.is_done = bool(self.quarantined) or self._seen == self._seen_before
        self._position, self._seen, self._seen_before = 0, set(), self._seen
