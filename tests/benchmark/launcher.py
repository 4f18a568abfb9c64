# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one command and prints what it took: `launcher.py SECONDS LOG COMMAND...`.

A process of its own, because Linux never shows a child's peak memory below that of the process that started it, and
this one is small.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

_INTERRUPTED = 130
_LAST_SECONDS = 3


def main() -> None:
    limit, log, command = float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    started_at, started = time.time(), time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    stopper = threading.Timer(limit, _stop, [process.pid])
    stopper.start()
    try:
        _pid, status, usage = os.wait4(process.pid, 0)
    except KeyboardInterrupt:
        _stop(process.pid)
        process.wait()
        sys.exit(_INTERRUPTED)
    finally:
        stopper.cancel()
    taken = {
        "started_at": started_at,
        "seconds": time.monotonic() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "code": os.waitstatus_to_exitcode(status),
        "is_stopped": time.monotonic() - started > limit,
    }
    process.returncode = taken["code"]
    print(json.dumps(taken))


def _stop(pid: int) -> None:
    """End a process and all it started; the first signal is for Ansible, whose workers are in sessions of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGINT)
        time.sleep(_LAST_SECONDS)
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
