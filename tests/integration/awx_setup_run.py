# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook `mssp.defender.awx` as an operator runs it, against a stand-in of AWX."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from integration.ansible_process import Ansible, Run
from integration.awx_controller import PASSWORD, TOKEN, AwxController
from integration.scripted_server import ScriptedServer

PROJECT = Path(__file__).resolve().parents[2] / "docs" / "examples" / "awx"
GIVEN: dict[str, Any] = {
    "awx_setup_execution_environment_image": "registry.example/defender:1.0",
    "awx_setup_project_url": "https://git.example/soc/defender.git",
    "awx_setup_client_id": "11111111-1111-4111-8111-111111111111",
    "awx_setup_client_secret": "the secret of the application",
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
SECRETS = [GIVEN["awx_setup_client_secret"], GIVEN["awx_setup_vault_password"], "the certificate of the registrar"]


# some thirty modules one after the other
_SECONDS = 600
BY_PASSWORD = {"CONTROLLER_OAUTH_TOKEN": None, "CONTROLLER_USERNAME": "admin", "CONTROLLER_PASSWORD": PASSWORD}


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
            _SECONDS,
        )


@contextmanager
def operator(ansible: Ansible) -> Iterator[Operator]:
    """An operator with an AWX that holds nothing yet, and whose project is the one of the documentation."""
    awx = AwxController({path.name for path in PROJECT.glob("*.yml")})
    with ScriptedServer(ansible.emulator.directory / "server.pem") as server:
        server.script = awx.answer
        yield Operator(ansible, server, awx)
