# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`ansible-runner run`, as AWX starts a job template: a project, an inventory, and the secrets in the environment."""

from __future__ import annotations

import json
import sys

from integration.ansible_process import Ansible, Run

PRIVATE = "runner"


def run_with_runner(ansible: Ansible, playbook: str, *arguments: str, **environment: str) -> Run:
    """Run a playbook of the collection from a project that only imports it; `artifacts` lie below `place`/runner."""
    private = ansible.place / PRIVATE
    for folder in ("project", "inventory", "env"):
        (private / folder).mkdir(parents=True, exist_ok=True)
    (private / "project" / "job.yml").write_text(json.dumps([{"name": "Job", "import_playbook": playbook}]))
    (private / "inventory" / "hosts.json").write_text(ansible.inventory().read_text())
    secrets = {"AZURE_CLIENT_SECRET": ansible.environment["AZURE_CLIENT_SECRET"], **environment}
    envvars = private / "env" / "envvars"
    envvars.touch(mode=0o600)
    envvars.write_text(json.dumps(secrets))
    command = [sys.executable, "-m", "ansible_runner", "run", str(private), "--playbook", "job.yml"]
    if arguments:
        command.append(f"--cmdline={' '.join(arguments)}")
    return ansible.run(command, {"AZURE_CLIENT_SECRET": None})
