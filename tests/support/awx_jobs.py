# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs around AWX: the playbook `mssp.defender.awx` against a stand-in of it, and jobs as AWX runs them.

Each slice of such a job is sent to a node by `ansible-runner transmit | worker | process`.

How AWX slices an inventory, what it injects, and how it merges what jobs hand on was seen on AWX 24.6.1.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.ansible_runs import Ansible, Run
from support.awx_controller import PASSWORD, TOKEN, AwxController
from support.scripted_server import ScriptedServer

PROJECT = Path(__file__).resolve().parents[2] / "docs" / "examples" / "awx"
GIVEN: dict[str, Any] = {
    "awx_setup_execution_environment_image": "registry.example/defender:1.0",
    "awx_setup_project_url": "https://git.example/soc/defender.git",
    "awx_setup_client_id": "11111111-1111-4111-8111-111111111111",
    "awx_setup_certificate": "the certificate of the application\n",
    "awx_setup_registrar_client_id": "22222222-2222-4222-8222-222222222222",
    "awx_setup_registrar_certificate": "the certificate of the registrar\n",
    "awx_setup_vault_password": "the password of the vault",
    "awx_setup_launch_teams": ["Analysts"],
    "awx_setup_registration_teams": ["Engineers"],
    "awx_setup_credential_teams": ["Engineers"],
}
MODULES = {
    "aap_organizations": "organization",
    "aap_teams": "team",
    "controller_credential_types": "credential_type",
    "controller_credentials": "credential",
    "controller_execution_environments": "execution_environment",
    "controller_projects": "project",
    "controller_inventories": "inventory",
    "controller_inventory_sources": "inventory_source",
    "controller_templates": "job_template",
    "controller_workflows": "workflow_job_template",
    "controller_schedules": "schedule",
    "controller_roles": "role",
}
"""Variable of infra.aap_configuration to the module of awx.awx that its items are for."""
SECRETS = ["the certificate of the application", GIVEN["awx_setup_vault_password"], "the certificate of the registrar"]
BY_PASSWORD = {"CONTROLLER_OAUTH_TOKEN": None, "CONTROLLER_USERNAME": "admin", "CONTROLLER_PASSWORD": PASSWORD}

# some thirty modules one after the other
_SETUP_SECONDS = 600


class Operator:
    """Applies the objects to one AWX."""

    def __init__(self, ansible: Ansible, server: ScriptedServer, awx: AwxController) -> None:
        self.awx = awx
        self._ansible = ansible
        self._url = server.url

    def apply(self, *arguments: str, **variables: Any) -> Run:
        """Run the playbook with `GIVEN` and these variables; what it writes to AWX is in `awx.writes`."""
        self.awx.writes.clear()
        return self.play("mssp.defender.awx", *arguments, **variables)

    def apply_only(self, objects: dict[str, Any], *arguments: str, **variables: Any) -> Run:
        """Run it for these objects alone, by their variables."""
        return self.apply(
            *arguments, awx_setup_objects={**{variable: [] for variable in MODULES}, **objects}, **variables
        )

    def play(
        self, playbook: str, *arguments: str, environment: dict[str, str | None] | None = None, **variables: Any
    ) -> Run:
        """Run any playbook so; None takes a variable away."""
        given = self._ansible.place / "given.json"
        merged = {**GIVEN, **variables}
        given.write_text(json.dumps({name: value for name, value in merged.items() if value is not None}))
        connection = {
            "CONTROLLER_HOST": self._url,
            "CONTROLLER_OAUTH_TOKEN": TOKEN,
            "CONTROLLER_VERIFY_SSL": "true",
            "SSL_CERT_FILE": self._ansible.emulator.ca_path,
            "ANSIBLE_PIPELINING": "true",
        }
        return self._ansible.run(
            ["ansible-playbook", "-e", f"@{given}", *arguments, playbook],
            {**connection, **(environment or {})},
            _SETUP_SECONDS,
        )


@contextmanager
def operator(ansible: Ansible) -> Iterator[Operator]:
    """An operator with an AWX that holds nothing yet, and whose project is the one of the documentation."""
    awx = AwxController({path.name for path in PROJECT.glob("*.yml")})
    certificate = str(ansible.emulator.directory / "server.pem")
    with ScriptedServer(ansible.emulator.ca_path, certificate).running() as server:
        server.respond = awx.answer
        yield Operator(ansible, server, awx)


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
