# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far fleets are: told by the workers that run them, read by a callback in the main process.

Between them lies one small file for each fleet, in a folder of the run that exists only where a callback watches.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts, Progress
from ansible_collections.mssp.defender.plugins.plugin_utils._run_directory import run_directory, write_whole


@dataclass(frozen=True)
class Report:
    """What one fleet told last. `name` is the task's; a fleet that `ended` tells no more."""

    path: Path
    name: str
    ended: bool
    counts: Counts


def watch() -> None:
    """Let fleets tell how far they are from now on."""
    _folder().mkdir(mode=0o700, exist_ok=True)


def reports() -> list[Report]:
    """Return what each fleet told last, the oldest fleet first."""
    found = []
    for path in sorted(_folder().glob("*.json")):
        with contextlib.suppress(FileNotFoundError):
            told = json.loads(path.read_bytes())
            found.append(Report(path, told["name"], told["ended"], Counts(**told["counts"])))
    return found


def forget(report: Report) -> None:
    """Take the report of a fleet that ended away."""
    report.path.unlink(missing_ok=True)


@contextlib.contextmanager
def shown(name: str) -> Iterator[Progress | None]:
    """Give the fleet of a task somewhere to tell how far it is, or None where nobody watches."""
    if not _folder().is_dir():
        yield None
        return
    teller = _Teller(name)
    try:
        yield teller.tell
    finally:
        teller.end()


class _Teller:
    """Writes what one fleet tells into its file. A file that cannot be written must not cost anyone the fleet."""

    def __init__(self, name: str) -> None:
        # the items of a looped task run in one worker, one after the other
        self._path = _folder() / f"{time.monotonic_ns():020}-{os.getpid()}.json"
        # a line of its own on a terminal is no place for what could move the cursor
        self._name = "".join(character if character.isprintable() else " " for character in name)
        self._counts: Counts | None = None

    def tell(self, counts: Counts) -> None:
        self._counts = counts
        self._write(counts, ended=False)

    def end(self) -> None:
        """However the task ended: a fleet that was interrupted is not done and ended all the same."""
        if self._counts:
            self._write(self._counts, ended=True)

    def _write(self, counts: Counts, ended: bool) -> None:
        with contextlib.suppress(OSError):
            write_whole(self._path, json.dumps({"name": self._name, "ended": ended, "counts": asdict(counts)}))


def _folder() -> Path:
    return run_directory() / "progress"
