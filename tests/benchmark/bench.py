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
from emulator_process import EmulatorProcess  # noqa: E402
from forms import FORMS  # noqa: E402
from series import COLD, WARM, Plan, Series  # noqa: E402
from workshop import CONCURRENCY, FORKS, Workshop  # noqa: E402

_SIZES = [10, 100, 1000, 5000]
_LATENCIES = [0, 50, 400]
_TRIAL_TENANTS = 1000
_STREAM_INCIDENTS = 100_000
_CEILING_SECONDS = 3
_INTERRUPTED = 130


def main() -> None:
    arguments = _arguments()
    plan = Plan(arguments.only, sorted(arguments.sizes), arguments.latency, arguments.cache, arguments.runs)
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with EmulatorProcess(place / "microsoft", "--tenants", str(max(plan.sizes))) as emulator:
            _bench(plan, Workshop(place, emulator), arguments)


def _bench(plan: Plan, workshop: Workshop, arguments: argparse.Namespace) -> None:
    _tell(f"Concurrency {CONCURRENCY}, forks {FORKS}; " + ", ".join(f"{k} {v}" for k, v in report.machine().items()))
    _tell(f"Making the incidents of {len(workshop.customers):,} tenants")
    workshop.make_incidents(workshop.customers)
    ceilings = workshop.load().ceilings(workshop.customers[:200], _CEILING_SECONDS)
    _tell(
        "The emulator's own ceiling: " + ", ".join(f"{rate:.0f} x {kind} a second" for kind, rate in ceilings.items())
    )
    series = Series()
    found: dict[str, Any] = {}
    judged: list[bars.Bar] = []
    is_complete = False
    try:
        series.run(plan, workshop, _tell)
        judged = list(bars.of_series(series))
        if "a" in plan.forms and not arguments.no_trials:
            judged += _try(workshop, plan, arguments.quick, found)
        is_complete = True
    except KeyboardInterrupt:
        judged = judged or list(bars.of_series(series))
        _tell("\nInterrupted: what follows is what had been measured by then.")
    _tell(f"\n{report.forms_table(series)}\n\n{report.bars_table(judged)}\n")
    report.write_json(arguments.output / "results.json", ceilings, series, found, judged)
    if series.measured:
        picture.draw(series, arguments.output / "growth.png")
    _tell(f"Written: {arguments.output / 'results.json'}, {arguments.output / 'growth.png'}")
    if not is_complete:
        sys.exit(_INTERRUPTED)


def _try(workshop: Workshop, plan: Plan, quick: bool, found: dict[str, Any]) -> list[bars.Bar]:
    """Run what the forms do not show; put the figures into `found`, and return the bars."""
    tenants = min(_TRIAL_TENANTS, max(plan.sizes))
    _tell(f"The result of {tenants} tenants")
    characters = found["result_characters"] = trials.result_characters(workshop, tenants)
    _tell(f"{tenants} tenants, some of them throttled")
    throttling = trials.throttle(workshop, tenants, plan.runs)
    found["throttling"] = dataclasses.asdict(throttling)
    many = _STREAM_INCIDENTS // 10 if quick else _STREAM_INCIDENTS
    _tell(f"{many:,} incidents of one tenant")
    stream = trials.stream(workshop, many)
    found["stream"] = dataclasses.asdict(stream)
    return [bars.of_throttling(throttling), bars.of_stream(stream), bars.of_result(characters, tenants)]


def _tell(text: str) -> None:
    print(text, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    forms = ", ".join(f"{letter} ({form.title})" for letter, form in FORMS.items())
    parser.add_argument("--only", type=_listed(str), default=list(FORMS), help=f"which forms, of {forms}")
    parser.add_argument("--sizes", type=_listed(int), default=_SIZES, help="numbers of tenants (10,100,1000,5000)")
    parser.add_argument("--latency", type=_listed(int), default=_LATENCIES, help="milliseconds (0,50,400)")
    parser.add_argument("--cache", type=_listed(str), default=[COLD, WARM], help="cold, or cold,warm (the default)")
    parser.add_argument("--runs", type=int, default=3, help="how often each is measured (%(default)s)")
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
