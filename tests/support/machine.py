# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine on which waiting takes no time, the disk is full, or a library is missing."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

from ansible_collections.mssp.defender.plugins.module_utils._core import waiting


class Clock(waiting.Clock):
    """Stands in for `waiting.clock`, or the module `time`: a pause is noted, and the clock put forward."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def time(self) -> float:
        return time.time() + sum(self.pauses)

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.pauses)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


@contextlib.contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


_PREPARE = """
import sys

class Hider:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=sys.argv[1])

sys.meta_path.insert(0, Hider())
sys.path.insert(0, sys.argv[2])
from ansible_collections.mssp.defender.plugins.module_utils._core import dependencies
"""


def run_without(library: str, code: str) -> str:
    """Return what the code prints; `dependencies` is imported already. Nothing may be written to stderr."""
    run = subprocess.run(
        [sys.executable, "-c", _PREPARE + code, library, os.environ["ANSIBLE_COLLECTIONS_PATH"]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stderr, run.returncode) == ("", 0)
    return run.stdout.strip()
