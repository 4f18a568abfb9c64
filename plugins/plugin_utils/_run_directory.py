# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks of one run of Ansible share."""

from __future__ import annotations

import secrets
from pathlib import Path

from ansible import constants

RUN_SECRET = secrets.token_bytes(32)
"""Known to all workers of this run and written nowhere: ansible-core looks at the class of an action in the main
process, so that this is made there, before the worker that runs the task is forked."""

STARTED_IN = Path.cwd()
"""The folder where the run was started, noted at the same time: what relative paths of options mean, wherever the
playbook lies and whatever folder a worker is in."""


def run_directory() -> Path:
    """Return the private folder that all tasks and workers of this run share; ansible-core removes it at the end."""
    folder = Path(constants.DEFAULT_LOCAL_TMP) / "mssp.defender"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def write_whole(path: Path, text: str) -> None:
    """Write a file of the run, for this user alone, that readers see whole or not at all. Raises OSError."""
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
