# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process, measured from outside: time, processor, memory, and what it asked the emulator for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import launcher
from support.emulator import EmulatorProcess

_LAUNCHER = Path(launcher.__file__)
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


class Failed(Exception):
    """The process did not do its work. The text is what it said last."""


def measure(
    command: list[str], environment: Mapping[str, str], emulator: EmulatorProcess, log: Path, limit: int
) -> Measurement:
    """Run a command to its end. Nothing that it started outlives this call.

    Raises TooLong after `limit` seconds, and Failed.
    """
    emulator.control("DELETE", "requests")
    before = cpu_seconds(emulator.process.pid)
    taken = _launch([str(limit), str(log), *command], environment, limit)
    code = taken.pop("code")
    if code:
        raise Failed(f"{' '.join(command)}\n{log.read_text(errors='replace')[-4000:]}")
    counts = emulator.control("GET", "requests")["counts"]
    return Measurement(**taken, requests=counts, emulator_cpu_seconds=cpu_seconds(emulator.process.pid) - before)


def _launch(arguments: list[str], environment: Mapping[str, str], limit: int) -> dict[str, Any]:
    # Ctrl-C is for this process alone, which tells the launcher and gives it the time to end the command
    process = subprocess.Popen(
        [sys.executable, str(_LAUNCHER), *arguments], env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        output, _unused = process.communicate()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.returncode == launcher.TOO_LONG:
        # what it has asked for is still being answered, and not to be counted as another's
        time.sleep(1)
        raise TooLong(f"stopped after {limit} s")
    if process.returncode:
        raise Failed(f"the launcher ended with {process.returncode}")
    taken: dict[str, Any] = json.loads(output)
    return taken


def cpu_seconds(pid: int) -> float:
    """What a running process has taken of the processor so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
