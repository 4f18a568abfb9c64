# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bars: what the figures have to reach. A bar that speaks of 1,000 tenants is judged at the nearest smaller size
where no larger was measured, and says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from forms import CONCURRENCY
from plan import COLD, FAR, THOUSAND, WARM, Case
from series import Series
from trials import Empty, Stream, Throttling

_FLEETS = {"a": "fleet", "a2": "role's playbooks"}
_MOST_OF_SCRIPT = {"a": 1.0, "a2": 1.3}


@dataclass(frozen=True)
class Bar:
    """One bar: what is asked, what was found, and whether that meets it."""

    name: str
    figure: str
    is_met: bool


def of_series(series: Series) -> Iterator[Bar]:
    """The bars that the table of forms decides; none of those whose forms were not measured."""
    for letter, name in _FLEETS.items():
        most = _MOST_OF_SCRIPT[letter]
        yield from _against(series, letter, "e", most, f"{name} at most {most} x the bare script (e)", _at_most)
        yield from _against(series, letter, "c", 50, f"{name} at least 50 x faster than uri (c)", _at_least)
    yield from _against(series, "b", "d", 1.8, "per host at most 1.8 x the floor (d)", _at_most)
    yield from _against(series, "b", "c", 10, "per host at least 10 x faster than uri (c)", _at_least)
    for letter, name in _FLEETS.items():
        yield from _warm(series, letter, name)
        yield from _far(series, letter, name)
        yield from _growth(series, letter, name)
        yield from _memory(series, letter, name)


def of_throttling(found: Throttling) -> Bar:
    ratio = found.disturbed_seconds / found.undisturbed_seconds
    figure = (
        f"{ratio:.2f} x: the other {found.tenants - found.throttled} of {found.tenants} had finished after "
        f"{found.disturbed_seconds:.1f} s, {found.undisturbed_seconds:.1f} s undisturbed; "
        f"all after {found.whole_seconds:.1f} s"
    )
    return Bar("5 % answer 429 for 20 s: the others within 1.2 x of the undisturbed time", figure, ratio <= 1.2)


def of_stream(found: Stream) -> Bar:
    growth = found.many_mb - found.few_mb
    figure = (
        f"{growth:.0f} MB: {found.many_mb:.0f} MB for {found.many:,} incidents of {found.mean_bytes / 1000:.1f} KB "
        f"(in {found.seconds:.0f} s), {found.few_mb:.0f} MB for {found.few}"
    )
    return Bar("100,000 incidents to a file: peak memory grows by less than 60 MB", figure, growth < 60)


def of_empty(found: Empty) -> Bar:
    ratio = found.fleet_seconds / found.script_seconds
    figure = f"{ratio:.2f} x: {found.fleet_seconds:.1f} s against {found.script_seconds:.1f} s{_at(found.tenants)}"
    return Bar("answers without incidents: fleet at most 1.3 x a script that checks no token", figure, ratio <= 1.3)


def of_result(characters: dict[str, int], size: int) -> Bar:
    each = ", ".join(f"{count:,} ({task})" for task, count in characters.items())
    name = "result of 1,000 tenants shorter than 700,000 characters"
    return Bar(name, f"{each}{_at(size)}", max(characters.values()) < 700_000)


def exponent(
    series: Series, letter: str, latency: int = 0, cache: str = COLD, smallest: int = 100
) -> tuple[float, int, int] | None:
    """The growth of the time from the smallest size to the largest, and these two sizes: 1 is linear."""
    sizes = [size for size in series.sizes(letter, latency, cache) if size >= smallest]
    if len(sizes) < 2:
        return None
    first, last = sizes[0], sizes[-1]
    before, after = (series.median(Case(letter, size, latency, cache)) or math.nan for size in (first, last))
    return math.log(after / before) / math.log(last / first), first, last


def _at_most(ratio: float, limit: float) -> tuple[str, bool]:
    return f"{ratio:.2f} x", ratio <= limit


def _at_least(ratio: float, limit: float) -> tuple[str, bool]:
    return f"{1 / ratio:.0f} x faster", 1 / ratio >= limit


def _against(
    series: Series, one: str, other: str, limit: float, name: str, judge: Callable[[float, float], tuple[str, bool]]
) -> Iterator[Bar]:
    """Compare the times of two forms at the largest size that both were measured at; that of uri may be reckoned."""
    sizes = {size for size in series.sizes(one) if size <= THOUSAND}
    other_sizes = series.sizes(other)
    if other != "c":
        sizes.intersection_update(other_sizes)
    if not sizes or not other_sizes:
        return
    size = max(sizes)
    seconds = series.median(Case(one, size, 0, COLD)) or math.nan
    other_seconds, how = _reckon(series, other, size)
    text, is_met = judge(seconds / other_seconds, limit)
    yield Bar(name, f"{text}: {seconds:.1f} s against {other_seconds:.1f} s{_at(size)}{how}", is_met)


def _reckon(series: Series, letter: str, size: int) -> tuple[float, str]:
    """The time of a form. Where it was left out, each further tenant takes what one took between the two largest sizes:
    the start of the process counts once, and that a task takes longer in a larger inventory does not count at all.
    """
    known = {smaller: series.median(Case(letter, smaller, 0, COLD)) or 0 for smaller in series.sizes(letter)}
    if size in known:
        return known[size], ""
    last = max(known)
    first = max((smaller for smaller in known if smaller < last), default=0)
    each = (known[last] - known.get(first, 0)) / (last - first)
    told = ", ".join(f"{known[smaller]:.1f} s for {smaller}" for smaller in (first, last) if smaller)
    how = f"; {letter} at {size:,} was left out and is reckoned in proportion from {told}, which favours it"
    return known[last] + each * (size - last), how


def _warm(series: Series, letter: str, name: str) -> Iterator[Bar]:
    runs = [run for case, runs in series.measured.items() if (case.form, case.cache) == (letter, WARM) for run in runs]
    if runs:
        calls = sum(run.token_calls for run in runs)
        figure = f"{calls} in {len(runs)} runs with {sum(run.calls for run in runs):,} requests"
        yield Bar(f"{name}, warm cache: not one token request", figure, calls == 0)


def _far(series: Series, letter: str, name: str) -> Iterator[Bar]:
    for cache in (COLD, WARM):
        size, seconds = _largest(series, letter, FAR, cache)
        if size:
            calls = series.median(Case(letter, size, FAR, cache), "calls") or math.nan
            ideal = FAR / 1000 * calls / CONCURRENCY
            figure = f"{seconds / ideal:.2f} x: {seconds:.1f} s, {calls:.0f} calls take {ideal:.1f} s{_at(size)}"
            yield Bar(
                f"{name}, {cache}, at 400 ms: at most 1.5 x latency x calls / {CONCURRENCY}",
                figure,
                seconds <= 1.5 * ideal,
            )


def _growth(series: Series, letter: str, name: str) -> Iterator[Bar]:
    found = exponent(series, letter)
    if found:
        growth, first, last = found
        figure = f"{growth:.2f} from {first:,} to {last:,}"
        yield Bar(f"{name}: time grows with an exponent of at most 1.1", figure, growth <= 1.1)


def _memory(series: Series, letter: str, name: str) -> Iterator[Bar]:
    peaks = [(case.size, run.peak_mb) for case, runs in series.measured.items() if case.form == letter for run in runs]
    if peaks:
        size = max(size for size, _peak in peaks)
        peak = max(peak for at, peak in peaks if at == size)
        yield Bar(f"{name}: peak memory at 5,000 tenants at most 400 MB", f"{peak:.0f} MB at {size:,}", peak <= 400)


def _largest(series: Series, letter: str, latency: int = 0, cache: str = COLD) -> tuple[int, float]:
    """The largest size up to 1,000 that a form was measured at, and the median time; (0, 0) where there is none."""
    size = max((size for size in series.sizes(letter, latency, cache) if size <= THOUSAND), default=0)
    return size, series.median(Case(letter, size, latency, cache)) or 0


def _at(size: int) -> str:
    return f" (at {size:,})" if size != THOUSAND else ""
