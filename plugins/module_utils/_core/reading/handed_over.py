# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file of records holds beyond its checkpoint: a read added that, and did not come to its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..wire.records import Record


@dataclass(frozen=True)
class FileEnd:
    """Where the file at `path` ended, in bytes, when a read last came to its end, or the first one began."""

    path: str
    length: int

    @classmethod
    def of(cls, path: Path) -> FileEnd:
        """Return where the file ends now: at 0 where there is none."""
        return cls(str(path), path.stat().st_size if path.exists() else 0)

    def is_of(self, path: Path) -> bool:
        return str(path) == self.path

    def records_behind(self, path: Path) -> Iterator[Record]:
        """Yield the records that were added to the file since; none of another file, or of one that began anew."""
        if self.is_of(path):
            yield from records_in(path, self.length)


def records_in(path: Path, position: int = 0) -> Iterator[Record]:
    """Yield the records in a file of ours that begin at the position (bytes) or behind it, but for torn-off lines."""
    for line in files.lines_behind(path, position):
        try:
            text = line.decode()
            record = json.loads(text)
        except (ValueError, RecursionError):
            # torn off by a kill
            continue
        if isinstance(record, dict):
            yield Record(record, text)
