# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker ends with its parent, however busy its threads are; the main process has none to end with."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from ansible_collections.mssp.defender.plugins.plugin_utils import _orphans

# a parent that is killed, and its worker, whose threads are busy and hold the pipe open
_PARENT = """
import multiprocessing, os, signal, sys, threading, time
sys.path.insert(0, os.environ["ANSIBLE_COLLECTIONS_PATH"])
from ansible_collections.mssp.defender.plugins.plugin_utils._orphans import end_with_parent

def work():
    end_with_parent()
    end_with_parent()
    def be_busy():
        while True:
            time.sleep(0.01)
    for _unused in range(4):
        threading.Thread(target=be_busy).start()
    print(threading.active_count(), flush=True)
    be_busy()

worker = multiprocessing.get_context("fork").Process(target=work)
worker.start()
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_ends_with_all_its_threads() -> None:
    command = [sys.executable, "-c", _PARENT]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "6\n", "the main thread, four, and one that watches"
    # the end of what can be read from the pipe is that of the worker
    rest, _unused = process.communicate("die\n", timeout=60)
    assert (rest, process.returncode) == ("", -9)


def test_a_process_that_is_no_worker_is_left_alone() -> None:
    before = threading.active_count()
    _orphans.end_with_parent()
    assert (threading.active_count(), os.getppid() > 0) == (before, True)
