# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: the whole chain in one command, and again without a change."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ansible_runs import Ansible, in_terminal
from support.emulated_tenants import answer_consent_page

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


def test_a_later_demo_changes_nothing(ansible: Ansible) -> None:
    folder = ansible.place / "demo"
    runs = [ansible.playbook("mssp.defender.demo", "-e", f"demo_directory={folder}") for _number in range(3)]
    assert [run.code for run in runs] == [0, 0, 0], runs[-1].output
    for run in runs:
        assert run.states(STATES) == STATES
    changed = [sum(run.recap(host)["changed"] for host in ("localhost", *STATES)) for run in runs]
    # in the second the files of the links learn who has consented
    assert changed[0] > changed[1] == 1, runs[1].output
    assert changed[2] == 0, runs[2].output
    assert _emulators(folder) == []


def test_the_demo_fits_two_screens_and_ends_with_what_to_do_next(ansible: Ansible) -> None:
    """As `make demo` runs it."""
    # as short a path as that of a checkout
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        directory = f"demo_directory={folder}"
        command = ["ansible-playbook", "mssp.defender.demo", "-e", directory, "-e", "demo_encrypt=true"]
        code, output = in_terminal(ansible, command, columns=80, ANSIBLE_STDOUT_CALLBACK="mssp.defender.screen")
    assert code == 0, output
    lines = output.rstrip().splitlines()
    assert sum(max(1, -(-len(line) // 80)) for line in lines) <= 90, output
    assert "What next" in lines[-12:]


def test_a_demo_that_is_kept_has_a_link_to_click_and_the_next_ends_it(ansible: Ansible) -> None:
    folder = ansible.place / "demo"
    kept = ansible.playbook("mssp.defender.demo", "-e", json.dumps({"demo_directory": str(folder), "demo_keep": True}))
    try:
        assert kept.code == 0, kept.output
        assert len(_emulators(folder)) == 1
        (link,) = re.findall(r"^ +(https://\S+/adminconsent\S+)$", kept.output, re.MULTILINE)
        ca_path = str(next(folder.rglob("ca.pem")))
        assert answer_consent_page(link, ca_path, "accept")
    finally:
        ended = ansible.playbook("mssp.defender.demo", "-e", f"demo_directory={folder}")
    assert ended.code == 0, ended.output
    assert ended.states(STATES) == {**STATES, "wingtip": "granted"}
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
