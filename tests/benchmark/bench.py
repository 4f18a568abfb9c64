# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times the same work in several forms, side by side against one emulator: a token for each of N tenants, its
validation, and one page of incidents, written to a file for each tenant.

Prints a table of all measurements and one of the bars, and writes results.json and growth.png. README.md beside this
file tells how to read them. 'make bench' runs it; alone it is run with .venv/bin/python after that.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import bars  # noqa: E402 - it needs the path above
import picture  # noqa: E402
import report  # noqa: E402
import trials  # noqa: E402
from forms import CONCURRENCY, FORKS, FORMS  # noqa: E402
from measure import Failed, TooLong  # noqa: E402
from plan import COLD, THOUSAND, WARM, Case, Plan  # noqa: E402
from runner import Runner  # noqa: E402
from series import Series  # noqa: E402
from support.emulator import EmulatorProcess  # noqa: E402
from workshop import Workshop  # noqa: E402

_SIZES = [10, 100, 1000, 5000]
_LATENCIES = [0, 50, 400]
_STREAM_INCIDENTS = 100_000
_CEILING_SECONDS = 3
_INTERRUPTED = 130


def main() -> None:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = Plan(
        arguments.only,
        sorted(arguments.sizes),
        arguments.latency,
        arguments.cache,
        arguments.runs,
        arguments.minutes * 60,
    )
    arguments.output.mkdir(parents=True, exist_ok=True)
    tenants = str(max(plan.sizes))
    try:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            with EmulatorProcess(place / "microsoft", "--tenants", tenants) as emulator:
                code = _Bench(plan, Workshop(place, emulator), arguments).run()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    sys.exit(code)


class _Bench:
    """One run of the benchmark: what decides bars comes first, so that an interrupted one tells the most."""

    def __init__(self, plan: Plan, workshop: Workshop, arguments: argparse.Namespace) -> None:
        self._plan = plan
        self._workshop = workshop
        self._arguments = arguments
        self._series = Series()
        self._runner = Runner(plan, workshop, self._series, _tell)
        self._has_failed = False
        self._ceilings: dict[str, float] = {}
        self._trials: dict[str, Any] = {}
        self._of_trials: list[bars.Bar] = []

    def run(self) -> int:
        """Measure and report, and return the exit code."""
        code = 0
        try:
            self._prepare()
            for_bars, others = self._plan.turns(for_bars=True), self._plan.turns(for_bars=False)
            self._runner.take(for_bars, others, self._trials_seconds())
            if self._has_trials():
                self._try()
            self._runner.take(others, [], 0)
        except KeyboardInterrupt:
            code = _INTERRUPTED
            _tell("\nInterrupted.")
        if self._series.measured or self._series.left_out:
            self._report()
        return code or int(self._has_failed or self._runner.has_failed)

    def _prepare(self) -> None:
        _tell(
            f"Concurrency {CONCURRENCY}, forks {FORKS}; " + ", ".join(f"{k} {v}" for k, v in report.machine().items())
        )
        _tell(f"Making the incidents of {len(self._workshop.customers):,} tenants")
        self._workshop.make_incidents(self._workshop.customers)
        load, customers = self._workshop.load(), self._workshop.customers[:200]
        self._ceilings = load.ceilings(customers, _CEILING_SECONDS)
        found = ", ".join(f"{rate:.0f} x {kind} a second" for kind, rate in self._ceilings.items())
        _tell(f"The emulator's own ceiling: {found}")
        for latency in filter(None, self._plan.latencies):
            with self._workshop.latency(latency):
                rate = load.rate_of_pages(customers[:CONCURRENCY], _CEILING_SECONDS, CONCURRENCY)
            ideal = CONCURRENCY / latency * 1000
            self._ceilings[f"a page {latency} ms away"] = rate
            _tell(f"The same over {CONCURRENCY} connections, {latency} ms away: {rate:.0f}; possible are {ideal:.0f}")

    def _try(self) -> None:
        """Run what the forms do not show."""
        try:
            self._run_trials()
        except (Failed, TooLong) as reason:
            self._has_failed = True
            _tell(str(reason))

    def _run_trials(self) -> None:
        tenants = self._trial_size()
        _tell(f"The result of {tenants:,} tenants")
        characters = self._trials["result_characters"] = trials.result_characters(self._workshop, tenants)
        self._of_trials.append(bars.of_result(characters, tenants))
        _tell(f"{tenants:,} tenants, some of them throttled")
        throttling = trials.throttle(self._workshop, tenants, self._plan.runs)
        self._trials["throttling"] = dataclasses.asdict(throttling)
        self._of_trials.append(bars.of_throttling(throttling))
        _tell(f"{tenants:,} tenants without incidents")
        empty = trials.empty(self._workshop, tenants, self._plan.runs)
        self._trials["empty"] = dataclasses.asdict(empty)
        self._of_trials.append(bars.of_empty(empty))
        many = _STREAM_INCIDENTS // 10 if self._arguments.quick else _STREAM_INCIDENTS
        _tell(f"{many:,} incidents of one tenant")
        stream = trials.stream(self._workshop, many)
        self._trials["stream"] = dataclasses.asdict(stream)
        self._of_trials.append(bars.of_stream(stream))

    def _has_trials(self) -> bool:
        return "a" in self._plan.forms and not self._arguments.no_trials

    def _trial_size(self) -> int:
        return min(THOUSAND, max(self._plan.sizes))

    def _trials_seconds(self) -> float:
        """Roughly; the throttled tenants wait for 20 s, and a long stream takes about a minute."""
        fleet = self._series.seconds_of(Case("a", self._trial_size(), 0, COLD))
        return self._plan.runs * (4 * fleet + 20) + fleet + 60 if self._has_trials() else 0

    def _report(self) -> None:
        judged = [*bars.of_series(self._series), *self._of_trials]
        output = self._arguments.output
        _tell(f"\n{report.forms_table(self._series)}\n\n{report.bars_table(judged)}\n")
        report.write_json(output / "results.json", self._ceilings, self._series, self._trials, judged)
        if self._series.measured:
            picture.draw(self._series, output / "growth.png")
        _tell(f"Written to {output}")


def _tell(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    forms = ", ".join(f"{letter} ({form.title})" for letter, form in FORMS.items())
    parser.add_argument("--only", type=_listed(str), default=list(FORMS), help=f"which forms, of {forms}")
    parser.add_argument("--sizes", type=_listed(int), default=_SIZES, help="numbers of tenants (10,100,1000,5000)")
    parser.add_argument("--latency", type=_listed(int), default=_LATENCIES, help="milliseconds (0,50,400)")
    parser.add_argument("--cache", type=_listed(str), default=[COLD, WARM], help="cold, or cold,warm (the default)")
    parser.add_argument(
        "--runs", type=int, default=3, help="how often each is measured, where that is short (%(default)s)"
    )
    parser.add_argument("--minutes", type=float, default=40, help="how long it may take in all (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a few minutes: --sizes 10,100 --latency 0 --runs 1")
    parser.add_argument("--no-trials", action="store_true", help="only the forms: no throttling, no stream")
    parser.add_argument("--output", type=Path, default=ROOT / ".cache/bench", help="folder for the results")
    arguments = parser.parse_args()
    unknown = set(arguments.only) - set(FORMS)
    if unknown:
        parser.error(f"there is no form {', '.join(sorted(unknown))}")
    if arguments.cache not in ([COLD], [COLD, WARM]):
        parser.error("--cache is cold, or cold,warm: a cache is warm once it has been cold")
    if arguments.quick:
        arguments.sizes, arguments.latency, arguments.runs = [10, 100], [0], 1
    return arguments


def _listed(kind: type) -> Any:
    return lambda text: [kind(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
