# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation needs of whoever runs it: a module on a remote machine, or an action in process."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from .._core.fleet import Progress
from .._core.vars_file import Vault


class Host(Protocol):
    """`params` are validated options; `run_directory` is a private folder shared by the tasks of one run, or None.

    `vault` encrypts with the run's vault secrets; it is None where the task does not run on the controller.
    `progress` shows the operator how far a fleet is; it is None where nobody watches.
    """

    params: dict[str, Any]
    check_mode: bool
    run_directory: Path | None
    vault: Vault | None
    progress: Progress | None

    def warn(self, message: str) -> None:
        """Show the operator a warning."""
