# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured of each case, and what is to be expected of the others."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from forms import FORMS
from measure import Measurement
from plan import COLD, Case


@dataclass
class Series:
    """The measurements of each case, and why a case has none."""

    measured: dict[Case, list[Measurement]] = field(default_factory=dict)
    left_out: dict[Case, str] = field(default_factory=dict)

    def median(self, case: Case, quantity: str = "seconds") -> float | None:
        """The median of one quantity of a case, or None where it was left out or not asked for."""
        runs = self.measured.get(case)
        return statistics.median(getattr(run, quantity) for run in runs) if runs else None

    def sizes(self, letter: str, latency: int = 0, cache: str = COLD) -> list[int]:
        """The numbers of customers that a form was measured for, the smallest first."""
        return sorted(case.size for case in self.measured if case == Case(letter, case.size, latency, cache))

    def seconds_of(self, case: Case) -> float:
        """What one run of a case takes: what it took, or what its form is known to, by the next smaller size."""
        smaller = [size for size in self.sizes(case.form, case.latency, case.cache) if size <= case.size]
        if not smaller:
            return _known_seconds(case)
        nearest = Case(case.form, max(smaller), case.latency, case.cache)
        return (self.median(nearest) or 0) * _known_seconds(case) / _known_seconds(nearest)


def _known_seconds(case: Case) -> float:
    form = FORMS[case.form]
    waiting = form.calls * case.latency / 1000 / form.at_once
    return form.start_seconds + case.size * (form.customer_seconds + waiting)
