# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an incremental read of one tenant stands: it may repeat a record after a failure, and never loses one.

Records are told apart by id and time of last update, because many share a time, and a record that changes is a new one.
Each read starts again a little before the newest time it knows, because services show updates late.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import errors, files, ownership, timestamps
from ..errors import Reason, TenantError, UntrustedFile
from .capacity import Capacity
from .handed_over import FileEnd
from .quarantine import Quarantined

OVERLAP = 30 * 60 * timestamps.TICKS_PER_SECOND
"""Ticks that a read reaches back behind the newest update it knows."""


class Checkpoint:
    """The state of one tenant's read from one API, kept in a 0600 file. `scope` names both, and the filters.

    `seen` maps ids to the version handed out last (ticks), and `owed` is what could not be read. `begun` is false while
    nothing has ever been read: then the watermark tells only where the first read began, by this machine's clock.
    `capacity` is what the service's pages were seen to hold, and `proven_at` (ticks) when that was last put to
    the test; `file_end` is where the file that records go to ended.

    `counterpart` is the scope of the same read from the other API. From a checkpoint of that one the read goes on (then
    `is_switched` is true until the next save), or begins anew with `anew`.

    Raises TenantError for a file that belongs to another scope or cannot be understood: starting over in silence would
    hand everything out twice.
    """

    def __init__(self, path: Path, scope: str, counterpart: str | None = None, anew: bool = False) -> None:
        self._path = path
        self._scope = scope
        self.is_switched = False
        self.watermark: int | None = None
        self.seen: dict[str, int] = {}
        self.owed: list[Quarantined] = []
        self.begun = True
        self.capacity = Capacity()
        self.proven_at = timestamps.FIRST
        self.file_end: FileEnd | None = None
        self._load(counterpart, anew)

    def read_from(self) -> int | None:
        """Return the time of last update to read from, in ticks; None where nothing was read yet."""
        return None if self.watermark is None else self.watermark - OVERLAP

    def check_clock(self, now: int) -> None:
        """Raise TenantError where the watermark lies so far behind `now` (ticks) that what comes would not be read."""
        read_from = self.read_from()
        if read_from is None or not self.begun or read_from <= now:
            return
        until = timestamps.render(read_from + OVERLAP)
        meaning = (
            f"the checkpoint {self._path} says that everything until {until} has been read, which is still to come"
        )
        remedy = (
            "check this machine's clock; if it is right, remove the file and let the backfill reach back far enough"
        )
        raise TenantError(Reason(errors.ERROR, meaning, remedy))

    def save(self, read_until: int, seen: Mapping[str, int], owed: Collection[Quarantined], begun: bool = True) -> None:
        """Move the checkpoint, after everything updated before `read_until` (ticks) has been handed over safely."""
        watermark = max(read_until, self.watermark or 0) if self.begun else read_until
        kept, read_from = {left_out.updated for left_out in owed}, watermark - OVERLAP
        seen = {
            identity: updated
            for identity, updated in seen.items()
            if updated >= read_from or updated in kept or not read_from
        }
        self.begun = begun
        content = {
            "scope": self._scope,
            "watermark": timestamps.render(watermark),
            "seen": seen,
            "owed": [left_out.to_result() for left_out in owed],
            "begun": self.begun,
            "capacity": asdict(self.capacity),
            "proven_at": timestamps.render(self.proven_at),
            "file_end": asdict(self.file_end) if self.file_end else None,
        }
        files.replace_private(self._path, json.dumps(content, sort_keys=True) + "\n")
        self.watermark = watermark
        self.is_switched = False

    def _load(self, counterpart: str | None, anew: bool) -> None:
        try:
            content = json.loads(ownership.read(self._path))
            scope = str(content["scope"])
            self.is_switched = scope == counterpart
            if scope == self._scope or (self.is_switched and not anew):
                self._take_up(content)
        except FileNotFoundError:
            return
        except UntrustedFile as error:
            meaning = f"the checkpoint {self._path} {error.strerror}"
            raise TenantError(Reason(errors.ERROR, meaning, error.remedy)) from None
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            raise self._unusable("is damaged") from None
        if scope not in (self._scope, counterpart):
            raise self._unusable(f"belongs to {scope}, and this is a read of {self._scope}")

    def _take_up(self, content: Mapping[str, Any]) -> None:
        self.watermark = timestamps.ticks(content["watermark"])
        self.seen = {str(identity): int(updated) for identity, updated in content["seen"].items()}
        self.owed = [
            Quarantined(one["id"], timestamps.ticks(one["updated"]), str(one["code"])) for one in content["owed"]
        ]
        # a file of an earlier release has none of these
        self.begun = bool(content.get("begun", True))
        if content.get("file_end"):
            self.file_end = FileEnd(str(content["file_end"]["path"]), int(content["file_end"]["length"]))
        if self.is_switched:
            # what the pages of the other API hold says nothing of this one's
            return
        self.capacity = Capacity(**{name: int(value) for name, value in content.get("capacity", {}).items()})
        self.proven_at = timestamps.ticks(content["proven_at"]) if "proven_at" in content else timestamps.FIRST

    def _unusable(self, fault: str) -> TenantError:
        remedy = "name another file, or remove this one to read again from the backfill on"
        return TenantError(Reason(errors.ERROR, f"the checkpoint {self._path} {fault}", remedy))
