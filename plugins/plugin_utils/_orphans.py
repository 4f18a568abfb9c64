# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker ends with the run that started it: its main process may be killed, and cannot take it along then."""

from __future__ import annotations

import functools
import multiprocessing
import os
import threading
import time

_PAUSE_SECONDS = 0.5


def end_with_parent() -> None:
    """End this process, if it is a worker, as soon as its parent has ended: all its threads, wherever they are."""
    parent = multiprocessing.parent_process()
    if parent and parent.pid:
        _watch(parent.pid)


# the items of a looped task run in one worker
@functools.cache
def _watch(parent: int) -> None:
    threading.Thread(target=_end_after, args=(parent,), name="mssp.defender.parent", daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PAUSE_SECONDS)
    # nothing is tidied up, as in a kill: that leaves what the next run goes on with
    os._exit(1)
