# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where and how progress is shown: a bar on a terminal, lines elsewhere, nothing where it could do harm."""

from __future__ import annotations

import os
import sys
import time
from typing import Protocol

from ansible import constants
from ansible.utils.display import Display

from ansible_collections.mssp.defender.plugins.plugin_utils import _progress_text
from ansible_collections.mssp.defender.plugins.plugin_utils._operator import is_in_runner
from ansible_collections.mssp.defender.plugins.plugin_utils._progress import Report
from ansible_collections.mssp.defender.plugins.plugin_utils._progress_bar import Bar, drawing, fits

_STDOUT, _STDERR = 1, 2
# What these print is for people. Any other could write for a program, or draw on the terminal itself.
_FOR_PEOPLE = ("default", "minimal", "oneline", "debug", "yaml", "screen")


class Screen(Protocol):
    """`seconds` is how often to call `show`."""

    seconds: float

    def show(self, running: list[Report]) -> None:
        """Show how far the fleets are that are under way."""

    def conclude(self, report: Report) -> None:
        """Show how a fleet ended."""

    def close(self) -> None:
        """Leave nothing in the way of others."""


def choose(display: Display, interval: float) -> Screen | None:
    """Return how to show progress here, or None where it could spoil what the stdout callback prints.

    `interval` is the seconds between lines.
    """
    try:
        is_shared = os.path.sameopenfile(_STDOUT, _STDERR)
    except OSError:
        return None
    if is_shared and _stdout_callback() not in _FOR_PEOPLE:
        return None
    # AWX gives its jobs a terminal, and keeps every line that they write there
    if _is_for_a_bar(_STDERR) and not is_in_runner():
        return Bar(_STDERR, drawing(sys.stderr.encoding, colour=not constants.ANSIBLE_NOCOLOR))
    return Lines(display, interval)


class Lines:
    """A line for each fleet now and then, and one when it ends, through Ansible's display.

    Its lock is the one that ansible-core holds while it forks; and in AWX it makes an event of each line.
    """

    def __init__(self, display: Display, interval: float) -> None:
        self.seconds = interval
        self._display = display

    def show(self, running: list[Report]) -> None:
        for report in running:
            self._print(report, _progress_text.under_way(report.counts, time.monotonic()))

    def conclude(self, report: Report) -> None:
        self._print(report, _progress_text.ended(report.counts, time.monotonic()))

    def close(self) -> None:
        """A line is in nobody's way."""

    def _print(self, report: Report, text: str) -> None:
        self._display.display(f"{report.name}: {text}", stderr=True)


def _is_for_a_bar(stream: int) -> bool:
    return os.isatty(stream) and os.environ.get("TERM", "dumb") != "dumb" and fits(stream)


def _stdout_callback() -> str:
    """Return the short name of the callback that stdout belongs to; ansible-runner's passes another one's text on."""
    configured = str(constants.DEFAULT_STDOUT_CALLBACK)
    name = os.environ.get("ORIGINAL_STDOUT_CALLBACK", "default") if is_in_runner() else configured
    return name.rpartition(".")[2]
