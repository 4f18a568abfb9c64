# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the turns of a plan, in the time given, and tells how far it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from forms import FORMS
from measure import Failed, TooLong
from plan import Case, Plan, Turn
from series import Series
from workshop import Workshop

LONGEST_SECONDS = 120
_ENOUGH_SECONDS, _ENOUGH_SECONDS_AFAR = 60, 20
# for the picture, and for a case that takes longer than was expected
_SPARE_SECONDS = 60


class Runner:
    """Measures what is worth its time into `series`; the time given starts now."""

    def __init__(self, plan: Plan, workshop: Workshop, series: Series, tell: Callable[..., None]) -> None:
        self._workshop = workshop
        self._series = series
        self._tell = tell
        self._ends_at = time.monotonic() + plan.seconds - _SPARE_SECONDS
        self.has_failed = False

    def take(self, turns: list[Turn], later: list[Turn], later_seconds: float) -> None:
        """Take some turns. Other turns, and what else takes some seconds, will come later."""
        for number, turn in enumerate(turns):
            cache = self._workshop.cold_cache(turn[0].form)
            for position, case in enumerate(turn):
                if self._is_known_well(case):
                    break
                ahead = [turn[position:], *turns[number + 1 :], *later]
                try:
                    self._announce(case, ahead, later_seconds)
                    self._check_time(case)
                    with (
                        self._workshop.latency(case.latency),
                        self._workshop.order(self._workshop.customers[: case.size], cache) as order,
                    ):
                        measurement = self._workshop.measure(FORMS[case.form], order)
                except TooLong as reason:
                    self._leave_out(turn[position:], str(reason))
                    break
                except Failed as reason:
                    self.has_failed = True
                    self._leave_out(turn[position:], "failed")
                    self._tell(str(reason))
                    break
                self._series.measured.setdefault(case, []).append(measurement)
                self._tell(f"{measurement.seconds:.2f} s")

    def _is_known_well(self, case: Case) -> bool:
        """Whether a case was left out, or has taken time enough in all."""
        return case in self._series.left_out or self._has_taken(case) > _enough(case)

    def _has_taken(self, case: Case) -> float:
        return sum(run.seconds for run in self._series.measured.get(case, []))

    def _check_time(self, case: Case) -> None:
        """Raise TooLong where a case is expected to take too long, by itself or for the time that is left."""
        expected = self._series.seconds_of(case)
        if self._follows_one_left_out(case):
            raise TooLong("so it was with fewer tenants")
        if expected > LONGEST_SECONDS:
            raise TooLong(f"expected to take {expected:.0f} s")
        if time.monotonic() + expected > self._ends_at:
            raise TooLong(f"expected to take {expected:.0f} s, more than was left of the time given")

    def _follows_one_left_out(self, case: Case) -> bool:
        return any(
            other == Case(case.form, other.size, case.latency, case.cache) and other.size < case.size
            for other in self._series.left_out
        )

    def _leave_out(self, cases: list[Case], reason: str) -> None:
        """What has been measured before is only not repeated."""
        self._tell(f"left out: {reason}")
        self._series.left_out.update({case: reason for case in cases if case not in self._series.measured})

    def _announce(self, case: Case, ahead: list[Turn], later_seconds: float) -> None:
        count, seconds = self._forecast(ahead)
        left = min(seconds + later_seconds, self._ends_at + _SPARE_SECONDS - time.monotonic())
        what = f"{case.form:2} {case.size:5,} tenants, {case.latency:3} ms, {case.cache}"
        self._tell(f"{count:4} runs and {left / 60:4.1f} min left | {what} ... ", end="")

    def _forecast(self, turns: list[Turn]) -> tuple[int, float]:
        """How many runs lie ahead, and how many seconds those take."""
        seconds: Counter[Case] = Counter()
        count = 0
        for turn in turns:
            for case in turn:
                expected = self._series.seconds_of(case)
                has_taken = self._has_taken(case) + seconds[case]
                if case in self._series.left_out or has_taken > _enough(case) or expected > LONGEST_SECONDS:
                    break
                seconds[case] += expected
                count += 1
        return count, sum(seconds.values())


def _enough(case: Case) -> float:
    """The seconds after which a case is not repeated."""
    return _ENOUGH_SECONDS_AFAR if case.latency else _ENOUGH_SECONDS
