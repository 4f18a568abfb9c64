# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be measured, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from forms import FORMS

COLD, WARM = "cold", "warm"
THOUSAND = 1000
FAR = 400
"""Milliseconds: the latency that a bar speaks of."""


@dataclass(frozen=True)
class Case:
    """A form, by its letter, for so many customers; the latency is in milliseconds."""

    form: str
    size: int
    latency: int
    cache: str


Turn = list[Case]
"""What one form does in a row: with an empty cache first, which then is the warm one."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured. `seconds` is how long all of it may take."""

    forms: list[str]
    sizes: list[int]
    latencies: list[int]
    caches: list[str]
    runs: int
    seconds: float

    def turns(self, for_bars: bool) -> list[Turn]:
        """The turns that decide bars, or all others, the largest last.

        All forms take turns at one size and latency before any is repeated, so that the machine's mood hits all alike.
        """
        rounds = sorted(
            ((size, latency) for size in self.sizes for latency in self.latencies),
            key=lambda each: (each[0] > THOUSAND and each[1] > 0, each[1], each[0]),
        )
        return [
            self._turn(letter, size, latency)
            for size, latency in rounds
            if _decides_a_bar(size, latency) == for_bars
            for _unused in range(self._runs_of(size))
            for letter in self.forms
            if FORMS[letter].calls or not latency
        ]

    def _turn(self, letter: str, size: int, latency: int) -> Turn:
        return [Case(letter, size, latency, cache) for cache in (self.caches if FORMS[letter].has_cache else [COLD])]

    def _runs_of(self, size: int) -> int:
        return self.runs if size <= THOUSAND else 1


def _decides_a_bar(size: int, latency: int) -> bool:
    return not latency or (latency == FAR and size <= THOUSAND)
