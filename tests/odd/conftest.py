# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one task for all odd tenants, with the real ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from odd.oddity import Oddity, fleet
from odd.stage import CLIENT, SECRET, Stage
from support.ansible_runs import CALLBACKS
from support.certificates import make_certificates

_LONGEST_RUN = 300


@dataclass(frozen=True)
class OddRun:
    """What one run left: all that was printed, each customer's outcome, its folder, and what the stage was asked."""

    output: str
    result: dict[str, Any]
    folder: Path
    stage: Stage

    def outcome(self, name: str) -> dict[str, Any]:
        return next(outcome for outcome in self.result["tenants"] if outcome["name"] == name)


@pytest.fixture(scope="session")
def odd_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., OddRun]:
    """Return what runs a form of a task."""
    certificates = make_certificates(tmp_path_factory.mktemp("odd"))

    def run(module: str, options: dict[str, Any], oddities: list[Oddity]) -> OddRun:
        stage = Stage(*certificates)
        with stage.running():
            return _play(stage, tmp_path_factory.mktemp("run"), module, options, oddities)

    return run


def _play(stage: Stage, folder: Path, module: str, options: dict[str, Any], oddities: list[Oddity]) -> OddRun:
    for name in ("records", "checkpoints", "home"):
        (folder / name).mkdir()
    connection = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "authority_url": stage.url,
        "graph_url": stage.url,
        "xdr_url": stage.url,
        "ca_path": stage.ca_path,
        "timeout": 3,
        "retries": 0,
        "max_wait": 1,
        "concurrency": 16,
        "tenants": fleet(stage, oddities),
    }
    task = {"name": "Odd", f"mssp.defender.{module}": {**connection, **options}}
    play = folder / "play.json"
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
        "NO_PROXY": "127.0.0.1",
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true",
        "RECORDER_FILE": str(folder / "results.jsonl"),
    }
    command = ["ansible-playbook", "-vvv", str(play)]
    process = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=_LONGEST_RUN,
        check=False,
    )
    output = process.stdout + process.stderr
    results = (folder / "results.jsonl").read_text().splitlines() if (folder / "results.jsonl").exists() else []
    return OddRun(output, json.loads(results[0])["result"] if results else {}, folder, stage)
