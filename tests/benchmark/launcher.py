# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one command and prints what it took: `launcher.py SECONDS LOG COMMAND...`.

A process of its own, for two reasons. Linux never shows a child's peak memory below that of the process that started
it, and this one is small. And it leaves nothing behind: whatever the command started, in sessions of its own too as
Ansible's workers are, falls to this process when its parent ends, and is killed before this process ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

TOO_LONG = 124
_INTERRUPTED = 130
# Source: prctl(2), <linux/prctl.h>
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class _Stopped(Exception):
    """A signal, or the end of the time given. Its argument is the code to leave with."""


def main() -> None:
    limit, log, command = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    _adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _stop)
    try:
        signal.alarm(limit)
        print(json.dumps(_run(command, log)))
    except _Stopped as reason:
        sys.exit(reason.args[0])
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        _end_children()


def _run(command: list[str], log: Path) -> dict[str, float]:
    started_at, started = time.time(), time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "started_at": started_at,
        "seconds": time.monotonic() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "code": process.returncode,
    }


def _stop(number: int, _frame: object) -> None:
    raise _Stopped(TOO_LONG if number == signal.SIGALRM else _INTERRUPTED)


def _adopt_orphans() -> None:
    """Become the parent of descendants whose parent ends; and be told to end when one's own parent has."""
    library = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_CHILD_SUBREAPER, 1), (_PR_SET_PDEATHSIG, signal.SIGTERM)):
        if library.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


def _end_children() -> None:
    """Kill all children, and then those that fall to this process in their place, until there are none."""
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in _children():
                os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


def _children() -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            _state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid():
                yield int(stat.parent.name)


if __name__ == "__main__":
    main()
