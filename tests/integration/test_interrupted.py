# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is interrupted in the middle of a fleet keeps what it has read, and the next one goes on there."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.emulator import EmulatorProcess

pytestmark = pytest.mark.slow

CUSTOMERS, QUICK = 30, 14
# pages of 50, each of which takes so long that a test never sees the end of them
MANY, LATENCY = 600, 3
STARTS, ENDS = 60, 20
"""Seconds in which a run comes to its middle, and in which it ends: the slow customers cannot be read in that time."""
KEPT = f"Interrupted: what was read of {QUICK} of {CUSTOMERS} customers is kept; run again to go on."


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(tmp_path_factory.mktemp("many"), "--tenants", str(CUSTOMERS)) as started:
        yield started


class Fleet:
    """Thirty customers, of whom fourteen have been read when the others come to their second page."""

    def __init__(self, emulator: EmulatorProcess, root: Path) -> None:
        emulator.control("POST", "reset")
        emulator.control("POST", "consent-all")
        emulator.control("PATCH", "application", {"quota_per_minute": None, "quota_per_hour": None})
        self.emulator = emulator
        self.ansible = Ansible(emulator, root)
        self.folder = self.ansible.place / "incidents"
        tenants = emulator.connection["tenants"]
        self.ansible.customers = {each["name"]: {"partner_access_tenant_id": each["tenant_id"]} for each in tenants}
        self.ansible.variables |= {"partner_access_concurrency": CUSTOMERS, "partner_access_incidents_backfill": "all"}
        self.slow = [each["name"] for each in tenants[QUICK:]]
        for each in tenants[QUICK:]:
            emulator.control("PATCH", f"tenants/{each['tenant_id']}", {"incident_count": MANY})
            fault = {"kind": "latency", "seconds": LATENCY, "tenant": each["tenant_id"], "path": "/security/incidents"}
            emulator.control("POST", "faults", fault)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a run, and return when the quick customers are kept and the others have drafts."""
        command = ["ansible-playbook", "-i", str(self.ansible.inventory()), "mssp.defender.incidents", *arguments]
        process = self.ansible.start(command, **environment)
        until(lambda: (self.noted() == QUICK and self.drafts()) or process.poll() is not None, STARTS)
        assert process.poll() is None, process.communicate()
        return process

    def noted(self) -> int:
        """Return how many customers the worker has noted."""
        notes = self.ansible.home.glob(".ansible/tmp/*/mssp.defender/kept/*")
        return sum(len(path.read_text().partition("\n")[2]) for path in notes)

    def kept(self) -> set[str]:
        """Return the customers whose checkpoints stand behind what was read."""
        checkpoints = {path.stem: json.loads(path.read_text()) for path in self.folder.glob("checkpoints/*.checkpoint")}
        return {name for name, checkpoint in checkpoints.items() if checkpoint["begun"]}

    def drafts(self) -> list[str]:
        return [path.name for path in self.folder.rglob(".*")]

    def lines(self) -> dict[str, Counter[tuple[str, str]]]:
        """Return the versions in each customer's file, and how often each stands there."""
        return {
            path.stem: Counter(
                (record["id"], record["lastUpdateDateTime"]) for record in map(json.loads, path.open(encoding="utf-8"))
            )
            for path in self.folder.glob("*.jsonl")
        }

    def go_on(self) -> dict[str, Counter[tuple[str, str]]]:
        """Run again, by a service that is quick, and return the lines then."""
        self.emulator.control("DELETE", "faults")
        run = self.ansible.playbook("mssp.defender.incidents")
        assert run.code == 0, run.output
        assert self.drafts() == []
        assert len(self.kept()) == CUSTOMERS
        return self.lines()


@pytest.fixture
def fleet(many: EmulatorProcess, tmp_path: Path) -> Fleet:
    return Fleet(many, tmp_path)


def until(is_true: Callable[[], Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers(parent: int) -> list[int]:
    """Return the processes below one that live."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # gone already
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
    return found


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("number", "is_for_group"),
    [
        (signal.SIGINT, False),
        (signal.SIGINT, True),
        (signal.SIGTERM, False),
        (signal.SIGTERM, True),
        (signal.SIGKILL, False),
    ],
)
def test_what_was_read_is_kept_and_the_next_run_goes_on(
    fleet: Fleet, number: signal.Signals, is_for_group: bool
) -> None:
    process = fleet.start()
    below = workers(process.pid)
    assert below
    (os.killpg if is_for_group else os.kill)(process.pid, number)
    output, _unused = process.communicate(timeout=ENDS)
    until(lambda: not any(map(lives, below)), ENDS)
    told = output.strip().splitlines()[-1]
    assert told == KEPT if number != signal.SIGKILL else "Interrupted" not in output
    assert "Traceback" not in output
    assert len(fleet.kept()) == QUICK
    before = fleet.lines()
    assert all(len(before[name]) for name in fleet.kept())

    after = fleet.go_on()
    assert [name for name in fleet.slow if len(after[name]) < MANY] == [], "lost"
    assert {count for lines in after.values() for count in lines.values()} == {1}, "repeated"
    assert all(before[name] == after[name] for name in before), "what was kept has not been written again"


def test_a_run_that_keeps_nothing_says_nothing(fleet: Fleet) -> None:
    fleet.ansible.variables["partner_access_incidents_checkpoint"] = ""
    command = ["ansible-playbook", "-i", str(fleet.ansible.inventory()), "mssp.defender.incidents"]
    process = fleet.ansible.start(command)
    until(lambda: len(list(fleet.folder.glob("*.jsonl"))) == QUICK, STARTS)
    os.kill(process.pid, signal.SIGINT)
    output, _unused = process.communicate(timeout=ENDS)
    assert process.returncode != 0
    assert "interrupted" in output
    assert "is kept" not in output


def test_the_last_line_comes_after_the_bar_is_gone(fleet: Fleet) -> None:
    """The callback of the progress has a handler of its own."""
    process = fleet.start(ANSIBLE_CALLBACKS_ENABLED="mssp.defender.progress", MSSP_DEFENDER_PROGRESS_INTERVAL="1")
    process.terminate()
    output, _unused = process.communicate(timeout=ENDS)
    assert process.returncode == -signal.SIGTERM
    assert output.strip().splitlines()[-1] == KEPT
