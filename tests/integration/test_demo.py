# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: the whole chain in one command, and again without a change."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ansible_runs import Ansible

pytestmark = pytest.mark.slow

STATES = {
    "contoso": "granted",
    "fabrikam": "granted",
    "tailspin": "granted",
    "wingtip": "not_consented",
    "lucerne": "unknown_tenant",
}


def _emulators(folder: Path) -> list[str]:
    """The processes that serve a folder, by their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().decode().split("\0")
        except OSError:  # it has ended
            continue
        if "serve" in arguments and any(str(folder) in argument for argument in arguments):
            found.append(path.parent.name)
    return found


def test_second_demo_changes_nothing(ansible: Ansible) -> None:
    folder = ansible.place / "demo"
    runs = [ansible.playbook("mssp.defender.demo", "-e", f"demo_directory={folder}") for _number in range(2)]
    assert [run.code for run in runs] == [0, 0], runs[-1].output
    for run in runs:
        assert dict(line.split()[:2] for line in run.table("In the end: ")[1:]) == STATES
    changed = [sum(run.recap(host)["changed"] for host in ("localhost", *STATES)) for run in runs]
    assert changed[0] > 0
    assert changed[1] == 0, runs[1].output
    assert _emulators(folder) == []


def test_interrupted_demo_leaves_no_process(ansible: Ansible) -> None:
    folder = ansible.place / "demo"
    command = ["ansible-playbook", "mssp.defender.demo", "-e", f"demo_directory={folder}"]
    process = subprocess.Popen(
        command, env=ansible.environment, cwd=ansible.place, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_for(lambda: bool(_emulators(folder)), 60)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)
        _wait_for(lambda: not _emulators(folder), 10)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
