# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs code in an interpreter that lacks a library."""

from __future__ import annotations

import os
import subprocess
import sys

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
