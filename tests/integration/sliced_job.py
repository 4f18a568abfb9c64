# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs as AWX runs them: each slice is sent to a node by `ansible-runner transmit | worker | process`.

How AWX slices an inventory, what it injects, and how it merges what jobs hand on was seen on AWX 24.6.1.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.ansible_process import Ansible, Run

# what AWX injects for the fields of a credential that were left empty
LEFT_EMPTY = {
    "AZURE_CLIENT_ID": "",
    "AZURE_CLIENT_CERTIFICATE_PATH": "",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD": "",
    "AZURE_FEDERATED_TOKEN_FILE": "",
}
_RUNNER = [sys.executable, "-m", "ansible_runner"]


def slice_of(ansible: Ansible, number: int, count: int, disabled: Collection[str] = ()) -> dict[str, Any]:
    """The inventory of one slice: every Nth of the enabled hosts, sorted by name; the groups are cut to them."""
    hosts = sorted(set(ansible.customers) - set(disabled))[number - 1 :: count]
    return {
        "all": {"hosts": []},
        "customers": {"hosts": hosts, "vars": ansible.variables},
        "_meta": {"hostvars": {host: ansible.customers[host] for host in hosts}},
    }


@dataclass(frozen=True)
class Finished:
    """What a controller knows of a job: the status, what was printed, and what was handed on (`set_stats`)."""

    status: str
    run: Run
    artifacts: dict[str, Any]


class Job:
    """One playbook on a node of its own, which starts at once."""

    def __init__(
        self, ansible: Ansible, name: str, playbook: str, inventory: dict[str, Any], extra_vars: dict[str, Any]
    ) -> None:
        self._ansible = ansible
        self._place = ansible.place / name
        self._node = self._place / "node"
        self._recorder = {"RECORDER_FILE": str(self._place / "results.jsonl"), "AZURE_CLIENT_SECRET": None}
        sent = self._place / "sent"
        for folder in ("project", "inventory", "env"):
            (sent / folder).mkdir(parents=True)
        (sent / "project" / "job.yml").write_text(json.dumps([{"name": "Job", "import_playbook": playbook}]))
        _write_script(sent / "inventory" / "hosts", inventory)
        secret = {"AZURE_CLIENT_SECRET": ansible.environment["AZURE_CLIENT_SECRET"]}
        _write_private(sent / "env" / "envvars", LEFT_EMPTY | secret)
        _write_private(sent / "env" / "extravars", extra_vars)
        self._through("transmit", str(sent), "--playbook", "job.yml", into="to_node")
        self._worker = ansible.start(
            self._piped("worker", "--private-data-dir", str(self._node), of="to_node", into="from_node"),
            **self._recorder,
        )

    def kill(self) -> None:
        """Take the node away, with everything that runs on it."""
        mark = f"RECORDER_FILE={self._recorder['RECORDER_FILE']}\0".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue

    def finish(self) -> Finished:
        """Wait for the job, and take what came back from the node."""
        try:
            self._worker.communicate(timeout=120)
        finally:
            self.kill()
        received = self._place / "received"
        received.mkdir()
        self._through("process", str(received), of="from_node")
        artifacts = received / "artifacts"
        events = [json.loads(path.read_text()) for path in (artifacts / "job_events").glob("*.json")]
        handed_on = [e["event_data"].get("artifact_data", {}) for e in events if e["event"] == "playbook_on_stats"]
        code = artifacts / "rc"
        output = (artifacts / "stdout").read_text() if (artifacts / "stdout").exists() else ""
        run = Run(int(code.read_text()) if code.exists() else -1, output.replace("\r\n", "\n"), [])
        status = (artifacts / "status").read_text() if (artifacts / "status").exists() else "error"
        return Finished(status, run, handed_on[0] if handed_on else {})

    def _through(self, command: str, *arguments: str, of: str = "", into: str = "") -> None:
        process = self._ansible.start(self._piped(command, *arguments, of=of, into=into), **self._recorder)
        output, _unused = process.communicate(timeout=120)
        assert process.returncode == 0 or command == "process", output

    def _piped(self, command: str, *arguments: str, of: str = "", into: str = "") -> list[str]:
        streams = [f"{sign}{self._place / name}" for sign, name in (("<", of), (">", into)) if name]
        return ["bash", "-c", f'exec "$@" {" ".join(streams)}', "bash", *_RUNNER, command, *arguments]


def merged(jobs: Iterable[Finished]) -> dict[str, Any]:
    """What a later node of the workflow gets as extra variables: of equal names the one that finished last."""
    merged: dict[str, Any] = {}
    for job in jobs:
        merged.update(job.artifacts)
    return merged


def _write_private(path: Path, content: dict[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(content))


def _write_script(path: Path, inventory: dict[str, Any]) -> None:
    path.touch(mode=0o700)
    path.write_text(f"#!{sys.executable}\nprint({json.dumps(inventory)!r})\n")
