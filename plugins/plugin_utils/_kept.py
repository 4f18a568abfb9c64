# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last line of a run that is interrupted: how many customers' records are kept, and that the next run goes on.

A worker notes each customer in a file of the run, and takes the file away when its task ends. The main process reads
what is left when it ends itself.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from ansible_collections.mssp.defender.plugins.plugin_utils._run_directory import run_directory

_STDERR = 2
_LAST_SECONDS = 2.0
_Handler = Callable[[int, FrameType | None], object] | int | None


@contextlib.contextmanager
def noted(customers: int) -> Iterator[Callable[[], None]]:
    """Return how to note that of one more of so many customers something is kept, while the task for them runs.

    With 0 nothing is noted.
    """
    if not customers:
        yield lambda: None
        return
    _folder().mkdir(mode=0o700, exist_ok=True)
    # the items of a looped task run in one worker, one after the other
    path = _folder() / f"{time.monotonic_ns()}-{os.getpid()}"
    path.touch(mode=0o600)
    path.write_text(f"{customers}\n")
    try:
        yield lambda: _add_mark(path)
    except KeyboardInterrupt:
        # the main process is interrupted too, and reads the file
        raise
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def last_line() -> str | None:
    """Return what to tell of the tasks that noted something and did not end, None where none did."""
    kept = customers = 0
    for path in _under_way():
        with contextlib.suppress(OSError, ValueError):
            total, _line_feed, marks = path.read_text().partition("\n")
            kept, customers = kept + len(marks), customers + int(total)
    if not kept:
        return None
    return f"Interrupted: what was read of {kept} of {customers} customers is kept; run again to go on."


def _add_mark(path: Path) -> None:
    # one byte, which threads can add at once; a note that fails must cost nobody the customer
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, b".")
        finally:
            os.close(descriptor)


def _under_way() -> list[Path]:
    return list(_folder().glob("*-*"))


def _folder() -> Path:
    return run_directory() / "kept"


class _Farewell:
    """Prints the last line of the main process, by whichever way that ends: its exit, or SIGTERM."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._on_terminate: _Handler = signal.signal(signal.SIGTERM, self._terminate)
        atexit.register(self._say)

    def _terminate(self, number: int, _frame: object) -> None:
        """Leave all else to the handler that was there before: ansible-core's, or none. Workers inherit this one."""
        signal.signal(signal.SIGTERM, self._on_terminate or signal.SIG_DFL)
        if os.getpid() == self._process and _under_way():
            # ansible-core ends them only since 2.19, and what is told is to be all that is kept
            workers = multiprocessing.active_children()
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.join(_LAST_SECONDS)
            self._say()
        os.kill(os.getpid(), number)

    def _say(self) -> None:
        if os.getpid() == self._process and (line := last_line()):
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            # a signal may have interrupted somebody who was writing to sys.stderr
            with contextlib.suppress(OSError):
                os.write(_STDERR, f"{line}\n".encode())


# As for RUN_SECRET, this is imported in the main process before the first worker is forked. Python lets nobody but the
# main thread handle a signal.
if multiprocessing.parent_process() is None and threading.current_thread() is threading.main_thread():
    _Farewell()
