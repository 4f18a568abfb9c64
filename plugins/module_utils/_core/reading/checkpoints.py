# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an incremental read of one tenant stands: it may repeat a record after a failure, and never loses one.

Records are told apart by id and time of last update, because many share a time, and a record that changes is a new one.
Each read starts again a little before the newest time it knows, because services show updates late.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from .. import errors, files, ownership, timestamps
from ..errors import Reason, TenantError, UntrustedFile
from .quarantine import Quarantined

OVERLAP = 30 * 60 * timestamps.TICKS_PER_SECOND
"""Ticks that a read reaches back behind the newest update it knows."""


class Checkpoint:
    """The state of one tenant's read from one API, kept in a 0600 file. `scope` names both, and the filters.

    `seen` maps ids to the version handed out last (ticks), and `owed` is what could not be read. Raises TenantError for
    a file that belongs to another scope or cannot be understood: starting over in silence would hand everything out
    twice.
    """

    def __init__(self, path: Path, scope: str) -> None:
        self._path = path
        self._scope = scope
        self.watermark: int | None = None
        self.seen: dict[str, int] = {}
        self.owed: list[Quarantined] = []
        self._load()

    def read_from(self) -> int | None:
        """Return the time of last update to read from, in ticks; None where nothing was read yet."""
        return None if self.watermark is None else self.watermark - OVERLAP

    def save(self, read_until: int, seen: Mapping[str, int], owed: Collection[Quarantined]) -> None:
        """Move the checkpoint, after everything updated before `read_until` (ticks) has been handed over safely."""
        watermark = max(read_until, self.watermark or 0)
        kept = {left_out.updated for left_out in owed}
        seen = {
            identity: updated for identity, updated in seen.items() if updated >= watermark - OVERLAP or updated in kept
        }
        content = {
            "scope": self._scope,
            "watermark": timestamps.render(watermark),
            "seen": seen,
            "owed": [left_out.to_result() for left_out in owed],
        }
        files.replace_private(self._path, json.dumps(content, sort_keys=True) + "\n")
        self.watermark = watermark

    def _load(self) -> None:
        try:
            content = json.loads(ownership.read(self._path))
            scope, self.watermark = content["scope"], timestamps.ticks(content["watermark"])
            self.seen = {str(identity): int(updated) for identity, updated in content["seen"].items()}
            self.owed = [
                Quarantined(one["id"], timestamps.ticks(one["updated"]), str(one["code"])) for one in content["owed"]
            ]
        except FileNotFoundError:
            return
        except UntrustedFile as error:
            meaning = f"the checkpoint {self._path} {error.strerror}"
            raise TenantError(Reason(errors.ERROR, meaning, error.remedy)) from None
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            raise self._unusable("is damaged") from None
        if scope != self._scope:
            raise self._unusable(f"belongs to {scope}, and this is a read of {self._scope}")

    def _unusable(self, fault: str) -> TenantError:
        remedy = "name another file, or remove this one to read again from the backfill on"
        return TenantError(Reason(errors.ERROR, f"the checkpoint {self._path} {fault}", remedy))
