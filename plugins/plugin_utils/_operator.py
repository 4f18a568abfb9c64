# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody sits at the terminal of this run, and how a task tells them something while it is under way."""

from __future__ import annotations

import os
from collections.abc import Callable

from ansible import constants
from ansible.utils.display import Display

_STDOUT, _STDERR = 1, 2
# The terminal of the main process: a worker has none since ansible-core 2.19. See RUN_SECRET for why this runs there.
_TERMINALS = [stream for stream in (_STDERR, _STDOUT) if os.isatty(stream)]
_RUNNER = "awx_display"


def is_in_runner() -> bool:
    """Return whether ansible-runner keeps what is printed, as AWX does. It has a terminal, which nobody sits at."""
    return str(constants.DEFAULT_STDOUT_CALLBACK) == _RUNNER


def teller() -> Callable[[str], None] | None:
    """Return how to show a message at once, or None where nobody would read it in time."""
    return _tell if _TERMINALS and not is_in_runner() else None


def _tell(message: str) -> None:
    # a worker's display hands this to the main process, which prints it while the task goes on; in no log
    Display().display(message, stderr=_TERMINALS[0] == _STDERR, screen_only=True)
