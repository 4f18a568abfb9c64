# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation needs of whoever runs it: a module on a remote machine, or an action in process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .._core.fleet import Progress
from .._core.vaults import Vault

Params = Mapping[str, Any]
"""The options of a task by name, as validated: None for one that is not given."""


class Inventory(Protocol):
    """The variables of the hosts of a play."""

    def values(self, host: str, variables: Collection[str]) -> Mapping[str, Any]:
        """Return those of the variables that the host has, as a task on it would see them.

        Raises ValueError with the reason where there is no such host, or where one of them cannot be templated.
        """


def _nobody_asks() -> None:
    pass


@dataclass(frozen=True)
class TaskContext:
    """`warn` shows the operator a warning when the task ends; `tell` shows a message at once, and is None where nobody
    would read it in time.

    `run_directory` is a private folder shared by the tasks of one run, or None. `run_secret` is known to them alone.
    `vault` encrypts and decrypts with the run's vault secrets, None where the task does not run on the controller.
    `progress` shows the operator how far a fleet is; it is None where nobody watches. `note_kept` is called when
    something of one more tenant is kept, so that the next run can go on there; an interrupted run says of how many.
    """

    params: Params
    warn: Callable[[str], None]
    check_mode: bool = False
    run_directory: Path | None = None
    vault: Vault | None = None
    progress: Progress | None = None
    run_secret: bytes = b""
    tell: Callable[[str], None] | None = None
    note_kept: Callable[[], None] = _nobody_asks

    def warn_once(self, subject: str, message: str) -> None:
        """Warn, unless another task of this run has warned of the same subject."""
        if self.run_directory is not None:
            try:
                (self.run_directory / f"warned-of-{subject}").touch(mode=0o600, exist_ok=False)
            except FileExistsError:
                return
        self.warn(message)
