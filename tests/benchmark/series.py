# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every form at every size, latency and state of the cache, side by side in time, as often as is asked for."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from forms import FORMS, Form
from measure import Measurement, TooLong
from workshop import LONGEST_SECONDS, Workshop

COLD, WARM = "cold", "warm"
_ENOUGH_SECONDS = 60
# With fewer customers most of the time is the start of the process.
_TELLING_SIZE = 100


@dataclass(frozen=True)
class Case:
    """What was measured: a form, by its letter, for so many customers; the latency is in milliseconds."""

    form: str
    size: int
    latency: int
    cache: str


@dataclass(frozen=True)
class Plan:
    """What is to be measured."""

    forms: list[str]
    sizes: list[int]
    latencies: list[int]
    caches: list[str]
    runs: int


@dataclass
class Series:
    """The measurements of each case, and why a case has none."""

    measured: dict[Case, list[Measurement]] = field(default_factory=dict)
    left_out: dict[Case, str] = field(default_factory=dict)

    def median(self, case: Case, quantity: str = "seconds") -> float | None:
        """The median of one quantity of a case, or None where it was left out or not asked for."""
        runs = self.measured.get(case)
        return statistics.median(getattr(run, quantity) for run in runs) if runs else None

    def run(self, plan: Plan, workshop: Workshop, tell: Callable[[str], None]) -> None:
        """Measure all of the plan."""
        for latency in plan.latencies:
            for size in plan.sizes:
                tell(f"{size} tenants, the server {latency} ms away")
                for _unused in range(plan.runs):
                    for letter in plan.forms:
                        self._turn(plan, FORMS[letter], size, latency, workshop, tell)

    def _turn(
        self, plan: Plan, form: Form, size: int, latency: int, workshop: Workshop, tell: Callable[[str], None]
    ) -> None:
        """Run one form once: with an empty cache first, which then is the warm one."""
        cache = workshop.cold_cache(form.letter)
        for state in plan.caches if form.has_cache else [COLD]:
            case = Case(form.letter, size, latency, state)
            if case in self.left_out or self._has_cost_enough(case):
                return
            try:
                self._check_expectation(case)
                with workshop.latency(latency), workshop.order(workshop.customers[:size], cache) as order:
                    measurement = workshop.measure(form, order)
            except TooLong as reason:
                self.left_out[case] = str(reason)
                return
            self.measured.setdefault(case, []).append(measurement)
            tell(f"  {form.letter:3} {state}  {measurement.seconds:7.2f} s")

    def _has_cost_enough(self, case: Case) -> bool:
        """A case that has taken a minute in all is not repeated."""
        return sum(run.seconds for run in self.measured.get(case, [])) > _ENOUGH_SECONDS

    def _check_expectation(self, case: Case) -> None:
        """Raise TooLong where the next smaller size says so: it takes as much more as there are more customers."""
        same = (case.form, case.latency, case.cache)
        smaller = [
            other
            for other in (*self.left_out, *self.measured)
            if (other.form, other.latency, other.cache) == same and _TELLING_SIZE <= other.size < case.size
        ]
        if not smaller:
            return
        next_smaller = max(smaller, key=lambda other: other.size)
        seconds = self.median(next_smaller)
        if seconds is None:
            raise TooLong(f"{next_smaller.size} took too long already")
        expected = seconds * case.size / next_smaller.size
        if expected > LONGEST_SECONDS:
            raise TooLong(f"expected to take {expected:.0f} s, as {next_smaller.size} took {seconds:.0f} s")
