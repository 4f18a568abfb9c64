# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of one run of Ansible."""

from __future__ import annotations

from pathlib import Path

from ansible import constants


def run_directory() -> Path:
    """Return the private folder that all tasks and workers of this run share; ansible-core removes it at the end."""
    folder = Path(constants.DEFAULT_LOCAL_TMP) / "mssp.defender"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
