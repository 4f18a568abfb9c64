# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role: a playbook starts the emulator, finds it again, and never leaves it behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest

from .test_process import _is_alive, _run, _wait_until_gone

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")

pytestmark = pytest.mark.skipif(not PLAYBOOK.exists(), reason="ansible-core is not in this interpreter's environment")


def _play(directory: Path, *tasks: dict[str, Any], **variables: object) -> list[str]:
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"emulator_directory": str(directory / "emulator"), **variables},
        "tasks": list(tasks),
    }
    (directory / "play.json").write_text(json.dumps([play]))
    return [str(PLAYBOOK), str(directory / "play.json")]


def _environment(directory: Path) -> dict[str, str]:
    calm = {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false"}
    return {**os.environ, **calm, "ANSIBLE_HOME": str(directory / "home"), "ANSIBLE_NOCOLOR": "true"}


START = {"ansible.builtin.include_role": {"name": "mssp.defender.emulator"}}
STOP = {"ansible.builtin.include_role": {"name": "mssp.defender.emulator", "tasks_from": "stop"}}


def _report(directory: Path) -> dict[str, Any]:
    content = "{{ emulator | to_json }}"
    return {
        "ansible.builtin.copy": {"content": content, "dest": str(directory / "fact.json"), "mode": "0600"},
        "check_mode": False,
        "changed_when": False,
    }


def _played(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(PLAYBOOK), str(directory / "play.json"), *arguments],
        env=_environment(directory),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _fact(directory: Path) -> dict[str, Any]:
    fact: dict[str, Any] = json.loads((directory / "fact.json").read_text())
    return fact


def test_it_starts_once_ends_with_the_run_and_keeps_its_state(tmp_path: Path) -> None:
    health = {
        "ansible.builtin.uri": {"url": "{{ emulator.url }}/_emulator/health", "ca_path": "{{ emulator.ca_path }}"}
    }
    _play(tmp_path, START, _report(tmp_path), health, START)
    assert "changed=1 " in _played(tmp_path)
    first = _fact(tmp_path)
    assert (len(first["tenants"]), first["created"]) == (5, True)
    assert _wait_until_gone(first["pid"], 3)
    assert "changed=0 " in _played(tmp_path)
    assert "changed=0 " in _played(tmp_path, "--check")
    second = _fact(tmp_path)
    assert second["pid"] != first["pid"]
    assert _wait_until_gone(second["pid"], 3)


def test_it_outlives_the_run_when_told_and_stops_when_told(tmp_path: Path) -> None:
    _play(tmp_path, START, _report(tmp_path), emulator_owner_pid=0, emulator_tenants=2, emulator_keep_state=False)
    _played(tmp_path)
    fact = _fact(tmp_path)
    try:
        assert len(fact["tenants"]) == 2
        assert not _wait_until_gone(fact["pid"], 1.5)
        assert not (tmp_path / "emulator" / "state.sqlite").exists()
        _play(tmp_path, STOP)
        assert "changed=0 " in _played(tmp_path)
        assert not _is_alive(fact["pid"])
        _played(tmp_path)
    finally:
        _run("stop", tmp_path / "emulator")


def test_it_starts_without_the_sample_application(tmp_path: Path) -> None:
    _play(tmp_path, START, _report(tmp_path), emulator_application=False)
    assert "changed=1 " in _played(tmp_path)
    fact = _fact(tmp_path)
    assert (fact["client_id"], fact["home_domain"]) == (None, "northwind.example")
    assert Path(fact["registrar_secret_file"]).exists()
    assert _wait_until_gone(fact["pid"], 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_playbook_leaves_no_emulator(tmp_path: Path, number: signal.Signals) -> None:
    command = _play(tmp_path, START, {"ansible.builtin.wait_for": {"timeout": 60}})
    playing = subprocess.Popen(
        command,
        env=_environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A group of its own, as a terminal gives it: Ctrl-C and its like reach the group.
        start_new_session=True,
    )
    connection = tmp_path / "emulator" / "connection.json"
    try:
        deadline = time.monotonic() + 60
        while not connection.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        pid = json.loads(connection.read_text())["pid"]
        assert _is_alive(pid)
        os.kill(playing.pid, number)
        playing.wait(timeout=20)
        assert _wait_until_gone(pid, 3)
        assert not connection.exists()
    finally:
        _end_group(playing.pid)
        _run("stop", tmp_path / "emulator")


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def test_an_interpreter_that_lacks_a_package_is_told_how_to_get_it(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = tmp_path / "bare" / "bin" / "python"
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("starlette", "_distutils")) and entry.suffix != ".pth":
            (packages / entry.name).symlink_to(entry)
    command = _play(tmp_path, START)
    done = subprocess.run(
        [python, "-m", "ansible", "playbook", *command[1:]],
        env={**_environment(tmp_path), "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "The emulator needs the Python package 'starlette'" in done.stdout
    assert f"{python} -m pip install -r" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_directory_is_required(tmp_path: Path) -> None:
    _play(tmp_path, START)
    play = json.loads((tmp_path / "play.json").read_text())
    play[0]["vars"] = {}
    (tmp_path / "play.json").write_text(json.dumps(play))
    done = subprocess.run(
        [str(PLAYBOOK), str(tmp_path / "play.json")],
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "emulator_directory" in done.stdout
