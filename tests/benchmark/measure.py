# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process, measured from outside: time, processor, memory, and what it asked the emulator for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator_process import EmulatorProcess

_LAUNCHER = Path(__file__).resolve().parent / "launcher.py"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measurement:
    """`seconds` is wall time, `cpu_seconds` that of the process and all its children, `emulator_cpu_seconds` the
    emulator's meanwhile. `peak_mb` is the resident memory of the largest single process. `requests` counts by route.
    """

    started_at: float
    seconds: float
    cpu_seconds: float
    peak_mb: float
    requests: dict[str, int]
    emulator_cpu_seconds: float

    @property
    def calls(self) -> int:
        return sum(self.requests.values())

    @property
    def token_calls(self) -> int:
        return sum(count for route, count in self.requests.items() if route.endswith("/token"))

    @property
    def emulator_share(self) -> float:
        """The part of one core that the emulator was busy."""
        return self.emulator_cpu_seconds / self.seconds


class TooLong(Exception):
    """The process did not end in the time given, and was stopped."""


def measure(
    command: list[str], environment: Mapping[str, str], emulator: EmulatorProcess, log: Path, limit: float
) -> Measurement:
    """Run a command to its end; leave with what it said when it fails.

    Raises TooLong after `limit` seconds.
    """
    emulator.control("DELETE", "requests")
    before = cpu_seconds(emulator.process.pid)
    launched = subprocess.run(
        [sys.executable, str(_LAUNCHER), str(limit), str(log), *command],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    taken = json.loads(launched.stdout)
    code = taken.pop("code")
    if taken.pop("is_stopped"):
        raise TooLong(f"stopped after {taken['seconds']:.0f} s")
    if code:
        sys.exit(f"{' '.join(command)} failed:\n{log.read_text()[-4000:]}")
    counts = emulator.control("GET", "requests")["counts"]
    return Measurement(**taken, requests=counts, emulator_cpu_seconds=cpu_seconds(emulator.process.pid) - before)


def cpu_seconds(pid: int) -> float:
    """What a running process has taken of the processor so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
