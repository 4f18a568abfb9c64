# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an incremental read of one tenant stands: it may repeat a record after a failure, and never loses one.

Records are told apart by id and time of last update, because many share a time, and a record that changes is a new one.
Each read starts again a little before the newest time it knows: services show updates late and in no promised order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from . import errors, files, timestamps
from .errors import Reason, TenantError

R = TypeVar("R", bound=dict[str, Any])

OVERLAP = 30 * 60 * timestamps.TICKS_PER_SECOND
"""Ticks that a read reaches back behind the newest update it knows."""


class Checkpoint:
    """The state of one tenant's read from one API, kept in a 0600 file. `scope` names both.

    Raises TenantError for a file that belongs to another scope or cannot be understood: starting over in silence would
    hand everything out twice.
    """

    def __init__(self, path: Path, scope: str, id_field: str, updated_field: str) -> None:
        self._path = path
        self._scope = scope
        self._id_field = id_field
        self._updated_field = updated_field
        self._watermark, self._seen = self._load()

    def read_from(self) -> int | None:
        """Return the time of last update to read from, in ticks; None where nothing was read yet."""
        return None if self._watermark is None else self._watermark - OVERLAP

    def new(self, records: Iterable[R]) -> list[R]:
        """Return the records that no read has handed out in this version, and remember them."""
        fresh = []
        for record in records:
            identity, updated = str(record.get(self._id_field)), self._updated(record)
            if updated is None or self._seen.get(identity) != updated:
                fresh.append(record)
            if updated is not None:
                self._seen[identity] = max(updated, self._seen.get(identity, updated))
        return fresh

    def save(self, started: float) -> None:
        """Move the checkpoint, after a whole read that began at `started` (seconds) has been handed over safely.

        What was updated while the read went on may have moved between its pages, so the mark stays before that.
        """
        if self._watermark is None and not self._seen:
            # there was nothing to read: the next read is still the first
            return
        newest = min(max(self._seen.values(), default=0), int(started * timestamps.TICKS_PER_SECOND))
        watermark = max(newest, self._watermark or 0)
        seen = {identity: updated for identity, updated in self._seen.items() if updated >= watermark - OVERLAP}
        content = {"scope": self._scope, "watermark": timestamps.render(watermark), "seen": seen}
        files.replace_private(self._path, json.dumps(content, sort_keys=True) + "\n")

    def _updated(self, record: dict[str, Any]) -> int | None:
        try:
            return timestamps.ticks(str(record.get(self._updated_field)))
        except ValueError:
            return None

    def _load(self) -> tuple[int | None, dict[str, int]]:
        if not self._path.exists():
            return None, {}
        try:
            content = json.loads(files.read_text(self._path) or "")
            scope, watermark = content["scope"], timestamps.ticks(content["watermark"])
            seen = {str(identity): int(updated) for identity, updated in content["seen"].items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._unusable("is damaged") from None
        if scope != self._scope:
            raise self._unusable(f"belongs to {scope}")
        return watermark, seen

    def _unusable(self, fault: str) -> TenantError:
        remedy = "name another file, or remove this one to read everything again"
        return TenantError(Reason(errors.ERROR, f"the checkpoint {self._path} {fault}", remedy))
