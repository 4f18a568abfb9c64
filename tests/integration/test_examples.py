# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example of the documentation works, as it stands there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.ansible_runs import Ansible
from support.azure_cli import AzureCli
from support.emulated_tenants import HomeTenant, IncidentDesk

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
READERS = ["Incident.Read.All", "SecurityIncident.Read.All", "SecurityAlert.Read.All", "ThreatHunting.Read.All"]
PLUGINS = [
    (kind, path.stem)
    for kind, folder in (("module", "modules"), ("filter", "filter"))
    for path in sorted((ROOT / "plugins" / folder).glob("*.py"))
]


@pytest.fixture(scope="module")
def examples() -> Callable[[str, str], str]:
    """Looks up the EXAMPLES of a plugin, as ansible-doc reads them."""
    pages: dict[tuple[str, str], str] = {}
    for kind in ("module", "filter"):
        names = [f"mssp.defender.{name}" for of_kind, name in PLUGINS if of_kind == kind]
        command = ["ansible-doc", "--type", kind, "--json", *names]
        listing = subprocess.run(command, capture_output=True, text=True, check=True)
        for name, page in json.loads(listing.stdout).items():
            pages[kind, name.rpartition(".")[2]] = page["examples"]
    return lambda kind, name: pages[kind, name]


def _in_our_world(ansible: Ansible, text: str) -> list[dict[str, Any]]:
    """Put our applications, certificate and folders in the place of the documentation's.

    Its tenants contoso.example and fabrikam.example exist in the emulator; the provider has another name there.
    """
    text = text.replace("11111111-1111-1111-1111-111111111111", ansible.emulator.client_id)
    text = text.replace("22222222-2222-2222-2222-222222222222", ansible.emulator.registrar_client_id)
    text = text.replace("provider.example", ansible.emulator.connection["home_domain"])
    text = text.replace("/etc/mssp/partner.pem", str(ansible.place / "partner.pem"))
    text = text.replace("/etc/mssp/events.pem", str(ansible.place / "events.pem"))
    text = text.replace("/etc/mssp/rules.yml", str(ansible.place / "rules.yml"))
    text = text.replace("/etc/mssp/defender.pem", str(ansible.emulator.connection["certificate_path"]))
    text = text.replace("/var/lib/mssp", str(ansible.place))
    tasks: list[dict[str, Any]] = yaml.safe_load(text)
    for task in tasks:
        if any("certificate_path" in options for options in task.values() if isinstance(options, dict)):
            task["environment"] = {"AZURE_CLIENT_SECRET": ""}
    return tasks


def _prepare_registration(ansible: Ansible, home: HomeTenant, name: str) -> None:
    """What the examples about the application find there: one to adopt, or one with a second credential, and somebody
    who is signed in."""
    roles = ["Application.ReadWrite.All", "Application.Read.All", "AppRoleAssignment.ReadWrite.All"]
    ansible.emulator.control("PATCH", "registrar", {"roles": roles})
    az = AzureCli(ansible.emulator, ansible.place / "bin")
    az.login(ansible.emulator.home_tenant_id)
    ansible.environment["PATH"] = f"{az.folder}{os.pathsep}{ansible.environment['PATH']}"
    (ansible.place / "group_vars" / "customers").mkdir(parents=True)
    if name == "defender_credential":
        created = home.call("POST", "applications", {"displayName": "Provider SOC", "uniqueName": "provider-soc"})
        home.call("POST", "servicePrincipals", {"appId": created["appId"]})


def _prepare_changes(ansible: Ansible) -> None:
    """What the examples that change incidents and alerts find there: those that they name, and a file of rules."""
    desk = IncidentDesk(ansible.emulator)
    for name in ("contoso", "fabrikam"):
        desk.open(name)
        desk.put(name, *({"incidentId": number, "alert_count": 1} for number in range(924565, 924568)))
    alert = {**desk.see("contoso", "924565")["alerts"][0], "alertId": "da637551227677560813_-961444813"}
    desk.change("contoso", "924565", alerts=[alert])
    rule = {"name": "high ones", "match": {"severity": "High"}, "set": {"status": "InProgress"}}
    (ansible.place / "rules.yml").write_text(json.dumps([rule]))


@pytest.mark.parametrize(("kind", "name"), PLUGINS, ids=[name for _unused, name in PLUGINS])
def test_examples_run(
    ansible: Ansible,
    consent: Callable[..., None],
    examples: Callable[[str, str], str],
    home: HomeTenant,
    kind: str,
    name: str,
) -> None:
    consent("contoso", "fabrikam", roles=READERS)
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    for folder in ("incidents", "checkpoints", "alerts"):
        (ansible.place / folder).mkdir()
    _prepare_registration(ansible, home, name)
    if name in ("defender_incident", "defender_alert", "defender_triage"):
        _prepare_changes(ansible)
    text = examples(kind, name)
    tasks = _in_our_world(ansible, text)
    assert tasks
    assert f"mssp.defender.{name}" in text
    run = ansible.playbook(ansible.play(json.dumps(tasks)), CONSENT_STATE_KEY="a long and random key of a test")
    assert run.code == 0, run.output
    assert [(entry["task"], entry["status"]) for entry in run.entries] == [(task["name"], "ok") for task in tasks]
