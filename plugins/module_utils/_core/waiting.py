# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting where one stands: in one place, and by a clock that tests can turn.

Work in many tenants does not wait here: it raises Postponed, and `fleet` parks it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import ParamSpec, TypeVar

from .errors import Postponed

P = ParamSpec("P")
T = TypeVar("T")


class Clock:
    """The clock of this machine."""

    def time(self) -> float:
        """Return the seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds since some moment, the same one for all processes of this machine."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


clock = Clock()


def tries(seconds: float, pauses: Iterable[float]) -> Iterator[None]:
    """Let a loop try at once and after each of the pauses, as long as the next try begins within the seconds."""
    deadline = clock.monotonic() + seconds
    yield
    # a try may say how long to wait for the next one
    for pause in pauses:
        if clock.monotonic() + pause > deadline:
            return
        clock.sleep(pause)
        yield


def until(read: Callable[[], T | None], seconds: float, pauses: Iterable[float]) -> T | None:
    """Return what is read as soon as there is something; None where the seconds are over before."""
    found = (read() for _try in tries(seconds, pauses))
    return next((each for each in found if each is not None), None)


def growing(first: float, longest: float) -> Iterator[float]:
    """Yield pauses that become longer by the first one each time."""
    return (min(longest, first * count) for count in itertools.count(1))


def doubling(first: float, longest: float) -> Iterator[float]:
    """Yield pauses that become twice as long each time."""
    return itertools.accumulate(itertools.repeat(longest), lambda pause, most: min(most, 2 * pause), initial=first)


def wait_out(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call until the answer is not to wait, and return it: for work that is a sequence of steps in one tenant."""
    while True:
        try:
            return call(*args, **kwargs)
        except Postponed as wait:
            clock.sleep(wait.seconds)
