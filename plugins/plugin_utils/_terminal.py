# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal that the output of tasks goes to: how wide it is, and whether it shows colours."""

from __future__ import annotations

import contextlib
import os

from ansible import constants
from ansible.utils import color

from ansible_collections.mssp.defender.plugins.plugin_utils._operator import is_in_runner

_STDOUT = 1
_USUAL_COLUMNS, _FEWEST_COLUMNS = 80, 10
# The main process's: a worker has none since ansible-core 2.19, but keeps this one. See RUN_SECRET for why this runs
# in the main process.
_TERMINAL = os.dup(_STDOUT) if os.isatty(_STDOUT) else None


def columns() -> int | None:
    """Return how wide the terminal is now, or None where output goes to a file, a pipe or ansible-runner."""
    if _TERMINAL is None or is_in_runner():
        return None
    with contextlib.suppress(OSError):
        # some terminals, such as serial consoles, say that they have no columns at all
        return max(os.get_terminal_size(_TERMINAL).columns or _USUAL_COLUMNS, _FEWEST_COLUMNS)
    return _USUAL_COLUMNS


def shows_colours() -> bool:
    """Return whether to use colours, by Ansible's settings. Its runner asks for them, and keeps them in its events."""
    return color.ANSIBLE_COLOR and not constants.ANSIBLE_NOCOLOR and not is_in_runner()
