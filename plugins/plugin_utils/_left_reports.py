# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports that a stdout callback prints when it is their turn, instead of the task that makes them.

A worker leaves each in a file, in a folder of the run that exists only where such a callback waits for them.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from ansible_collections.mssp.defender.plugins.plugin_utils._run_directory import run_directory, write_whole


def wait_for_reports() -> None:
    """Let tasks leave their reports from now on."""
    _folder().mkdir(mode=0o700, exist_ok=True)


def leave(report: str) -> bool:
    """Leave a report to the callback, and tell whether there is one."""
    if not _folder().is_dir():
        return False
    write_whole(_folder() / f"{time.monotonic_ns():020}-{os.getpid()}.txt", report)
    return True


def take() -> list[str]:
    """Return the reports that tasks have left since the last time, in their order."""
    paths = sorted(_folder().glob("*.txt"))
    reports = [path.read_text(encoding="utf-8") for path in paths]
    for path in paths:
        path.unlink()
    return reports


def _folder() -> Path:
    return run_directory() / "reports"
