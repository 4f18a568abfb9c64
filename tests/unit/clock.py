# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock on which waiting takes no time, for code that waits minutes."""

from __future__ import annotations

import time


class Clock:
    """Stands in for the module `time` of the files under test: a pause is noted, and the clock put forward."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def time(self) -> float:
        return time.time() + sum(self.pauses)

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.pauses)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
