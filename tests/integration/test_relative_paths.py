# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relative path means the folder where the run was started, for every variable and option, and is told in full."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.ansible_runs import Ansible
from support.azure_cli import AzureCli

pytestmark = pytest.mark.slow

ROLE = Path(__file__).resolve().parents[2] / "roles" / "partner_access"
SPECS: dict[str, Any] = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
READERS = ["SecurityIncident.Read.All", "SecurityAlert.Read.All", "ThreatHunting.Read.All"]

WRITTEN: dict[str, tuple[str, str, str]] = {
    "partner_access_links_directory": ("onboard", "new/links", "new/links/consent_links.csv"),
    "partner_access_cache": ("verify", "new/cache", "new/cache"),
    "partner_access_incidents_dest": ("incidents", "new/incidents", "new/incidents/contoso.jsonl"),
    "partner_access_incidents_checkpoint": ("incidents", "new/marks", "new/marks"),
    "partner_access_hunt_dest": ("hunt", "new/rows.csv", "new/rows.csv"),
    "partner_access_credential_dest": ("register", "new/partner.pem", "new/partner.pem"),
    "partner_access_registrar_certificate_path": ("registrar", "new/registrar.pem", "new/registrar.pem"),
    "partner_access_registrar_dest": ("registrar", "new/registrar.yml", "new/registrar.yml"),
}
"""Variable to the playbook that writes there, its value, and what is there afterwards."""

READ = {
    "partner_access_ca_path": "verify",
    "partner_access_certificate_path": "verify",
    "partner_access_federated_token_file": "verify",
    "partner_access_registrar_federated_token_file": "register",
    "partner_access_hunt_query_file": "hunt",
    "partner_access_triage_rules": "triage",
}
"""Variable to the playbook that reads the file, and says where it is not."""


@pytest.fixture
def everything(ansible: Ansible, consent: Callable[..., None]) -> Ansible:
    """What each of the playbooks needs beside the path in question."""
    consent("contoso", "fabrikam", roles=READERS)
    (ansible.place / "new").mkdir()
    (ansible.home / "new").mkdir()
    az = AzureCli(ansible.emulator, ansible.place / "bin")
    az.login(ansible.emulator.home_tenant_id)
    ansible.environment["PATH"] = f"{az.folder}{os.pathsep}{ansible.environment['PATH']}"
    ansible.variables |= {
        "partner_access_unique_name": "northwind-soc",
        "partner_access_display_name": "Northwind SOC",
        "partner_access_hunt_query": "AlertInfo | take 1",
    }
    return ansible


def _set(ansible: Ansible, variable: str, value: str, playbook: str, by: str) -> tuple[str, ...]:
    """Set the variable in the inventory or by `-e`, and return the arguments of the run."""
    arguments: tuple[str, ...] = ()
    if playbook == "registrar":
        for name in ("client_id", "client_secret"):
            del ansible.variables[f"partner_access_registrar_{name}"]
        arguments = ("-e", "partner_access_registrar_auth=cli")
        ansible.variables["partner_access_registrar_certificate_path"] = str(ansible.place / "any.pem")
    if variable.startswith("partner_access_registrar_") and playbook != "registrar":
        del ansible.variables["partner_access_registrar_client_secret"]
    if variable == "partner_access_hunt_query_file":
        del ansible.variables["partner_access_hunt_query"]
    if by == "inventory":
        ansible.variables[variable] = value
        return arguments
    return (*arguments, "-e", f"{variable}={value}")


def test_no_path_of_the_role_is_forgotten() -> None:
    options = [spec["options"] for spec in SPECS["argument_specs"].values()]
    paths = {name for spec in options for name, described in spec.items() if described["type"] == "path"}
    assert {*WRITTEN, *READ} == paths


@pytest.mark.parametrize("variable", WRITTEN)
def test_what_is_written_lands_where_the_run_was_started(everything: Ansible, variable: str) -> None:
    playbook, value, expected = WRITTEN[variable]
    run = everything.playbook(f"mssp.defender.{playbook}", *_set(everything, variable, value, playbook, "extra"))
    assert run.code == 0, run.output
    assert (everything.place / expected).exists(), run.output


@pytest.mark.parametrize("variable", WRITTEN)
def test_a_tilde_is_the_home(everything: Ansible, variable: str) -> None:
    playbook, value, expected = WRITTEN[variable]
    run = everything.playbook(
        f"mssp.defender.{playbook}", *_set(everything, variable, f"~/{value}", playbook, "inventory")
    )
    assert run.code == 0, run.output
    assert (everything.home / expected).exists(), run.output


@pytest.mark.parametrize("variable", READ)
def test_what_cannot_be_read_is_told_by_its_full_path(everything: Ansible, variable: str) -> None:
    playbook = READ[variable]
    run = everything.playbook(
        f"mssp.defender.{playbook}", *_set(everything, variable, "new/none.txt", playbook, "extra")
    )
    assert run.code == 2
    told = [json.dumps(entry["result"]) for entry in run.entries]
    assert any(f"{everything.place}/new/none.txt" in each for each in told), run.output


def test_an_option_means_the_same_folder_wherever_the_play_lies(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam", roles=READERS)
    tasks = """
    - name: Read
      mssp.defender.defender_incidents:
        dest: new/{{ inventory_hostname }}.jsonl
        checkpoint: new/{{ inventory_hostname }}.json
        cache: new/../new/cache
    - name: Read by group
      mssp.defender.defender_incidents:
        hosts: "{{ ansible_play_batch }}"
        dest: ~/incidents
      run_once: true
    """
    elsewhere = ansible.place / "elsewhere"
    elsewhere.mkdir()
    (ansible.place / "new").mkdir()
    play = Path(ansible.play(tasks)).rename(elsewhere / "play.yml")
    run = ansible.playbook(str(play))
    assert run.code == 0, run.output
    assert run.result("Read", "contoso")["dest"] == f"{ansible.place}/new/contoso.jsonl"
    landed = {path.name for path in (ansible.place / "new").iterdir()}
    assert landed >= {f"{name}.{ending}" for name in ansible.customers for ending in ("jsonl", "json")} | {"cache"}
    assert run.result("Read by group")["tenants"][0]["dest"] == f"{ansible.home}/incidents/contoso.jsonl"
    assert [path.name for path in elsewhere.iterdir()] == ["play.yml"]
