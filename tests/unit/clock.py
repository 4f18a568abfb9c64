# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock on which waiting takes no time, for code that waits minutes."""

from __future__ import annotations

import time

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
