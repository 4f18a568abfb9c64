# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the parts of `make test`, those of `make rest`, or both, and says what passed, failed and was skipped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / ".cache" / "results"
PARTS = {
    "test": ("ruff", "types", "metadata", "checks", "unit", "odd", "emulator-test", "integration"),
    "rest": ("slow", "ansible-lint", "molecule", "sanity", "cores", "azure-cli"),
}
COLOUR = {} if sys.stdout.isatty() else {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"}
STOPPED = 130


@dataclass
class Outcome:
    """What became of one part; a part that is no pytest run counts as one test."""

    part: str
    ok: bool
    seconds: float
    passed: int = 0
    failed: int = 0
    skips: list[str] = field(default_factory=list)


def run(part: str) -> Outcome:
    """Runs one make target in a process group of its own, so that stopping it stops all it started."""
    report = RESULTS / f"{part}.xml"
    report.unlink(missing_ok=True)
    print(f"\n=== {part} ===", flush=True)
    started = time.monotonic()
    process = subprocess.Popen(
        ["make", "--no-print-directory", part],
        cwd=ROOT,
        env=os.environ | COLOUR,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = process.wait()
    finally:
        _end_group(process)
    outcome = Outcome(part, ok=code == 0, seconds=time.monotonic() - started)
    if report.exists():
        _count_tests(report, outcome)
    else:
        outcome.passed, outcome.failed = (1, 0) if outcome.ok else (0, 1)
    return outcome


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """A part's left-overs end with it: politely if it was interrupted, then for certain."""
    try:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=10)
        os.killpg(process.pid, signal.SIGKILL)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _count_tests(report: Path, outcome: Outcome) -> None:
    for case in ElementTree.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif skipped is not None and skipped.get("type") == "pytest.skip":
            outcome.skips.append(skipped.get("message", ""))
        else:
            outcome.passed += 1
    if not outcome.ok and not outcome.failed:
        outcome.failed = 1  # pytest itself refused: nothing was collected, or a skip that CI does not forgive


def summarise(outcomes: list[Outcome]) -> bool:
    """Prints the table and the closing line; true when nothing failed."""
    print(f"\n{'part':<14} {'result':<8} {'seconds':>7} {'passed':>7} {'failed':>7} {'skipped':>8}")
    for outcome in outcomes:
        print(
            f"{outcome.part:<14} {'ok' if outcome.ok else 'FAILED':<8} {outcome.seconds:>7.0f}"
            f" {outcome.passed:>7} {outcome.failed:>7} {len(outcome.skips):>8}"
        )
    for outcome in outcomes:
        for reason in sorted(set(outcome.skips)):
            print(f"SKIPPED {outcome.part}: {reason} ({outcome.skips.count(reason)}x)")
    passed, failed = sum(o.passed for o in outcomes), sum(o.failed for o in outcomes)
    print(f"\n{passed} passed, {failed} failed, {sum(len(o.skips) for o in outcomes)} skipped")
    return all(outcome.ok for outcome in outcomes)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Runs all parts of what is named (`test`, `rest`) even when one fails, so that one run tells everything."""
    parts = [part for name in sys.argv[1:] for part in PARTS[name]]
    signal.signal(signal.SIGTERM, _interrupt)
    RESULTS.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    try:
        for part in parts:
            outcomes.append(run(part))  # noqa: PERF401 - an interrupt must find what is done
    except KeyboardInterrupt:
        print(f"\nInterrupted after {len(outcomes)} of {len(parts)} parts.", file=sys.stderr)
        return STOPPED
    return 0 if summarise(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
