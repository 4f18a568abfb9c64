# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of the README, one after the other, with the inventory that it shows to copy.

What differs is whose addresses they are: the emulator's are added, and its tenants stand for the examples'.
"""

from __future__ import annotations

import os
import re
import shlex
import textwrap
from pathlib import Path

import pytest
import yaml
from support.ansible_runs import Ansible
from support.azure_cli import AzureCli

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
_BEFORE, _TITLE, _AFTER = README.partition("## Run it on your tenants\n")
SECTION, _TABLE, _REST = _AFTER.partition("| playbook | does |")
CLIENT_ID = "11111111-1111-1111-1111-111111111111"
ADDRESSES = ("authority_url", "graph_url", "xdr_url", "ca_path")


def _blocks() -> list[str]:
    """The commands of each step: the lines that are indented as code, and not as the text of a step."""
    return [textwrap.dedent(block).strip() for block in re.findall(r"(?:^ {7}\S.*\n)+", _without_yaml(), re.MULTILINE)]


def _without_yaml() -> str:
    return re.sub(r"^ *```yaml\n.*?^ *```\n", "", SECTION, flags=re.MULTILINE | re.DOTALL)


def _inventory() -> str:
    (shown,) = re.findall(r"^ *```yaml\n(.*?)^ *```\n", SECTION, re.MULTILINE | re.DOTALL)
    return textwrap.dedent(shown)


@pytest.fixture
def reader(provider: Ansible) -> Ansible:
    """Somebody who has copied the inventory, added the emulator's addresses, and can sign in by the Azure CLI."""
    emulator = provider.emulator
    text = _inventory().replace("provider.example", emulator.connection["home_domain"])
    text = text.replace("https://soc.example/consent-result", emulator.connection["redirect_uri"])
    text = text.replace("44444444-4444-4444-4444-444444444444", emulator.tenant_id("fabrikam"))
    copied = yaml.safe_load(text)
    copied["customers"]["vars"] |= {
        f"partner_access_{name}": provider.variables[f"partner_access_{name}"] for name in ADDRESSES
    }
    (provider.place / "customers.yml").write_text(yaml.safe_dump(copied))
    cli = AzureCli(emulator, provider.place / "bin")
    cli.login(emulator.home_tenant_id)
    provider.environment["PATH"] = f"{cli.folder}{os.pathsep}{provider.environment['PATH']}"
    return provider


def test_the_steps_are_those_that_are_tried() -> None:
    words = [shlex.split(line) for block in _blocks() for line in block.splitlines()]
    assert [" ".join(command[:2]) if command[0] in ("az", "mkdir") else command[0] for command in words] == [
        "export",
        "mkdir -p",
        "az login",
        "ansible-playbook",
        "ansible-playbook",
        "export",
        "export",
        "ansible-playbook",
        "ansible-playbook",
        "ansible-playbook",
    ]


@pytest.mark.slow
def test_the_steps_lead_from_an_empty_tenant_to_incidents(reader: Ansible) -> None:
    register, name_it, _of_the_portal, work = _blocks()
    output = ""
    for line in [*register.splitlines()[1:], *name_it.splitlines(), *work.splitlines()]:
        command = shlex.split(line)
        if command[0] == "mkdir":
            (reader.place / command[-1]).mkdir(parents=True)
        elif command[0] == "export":
            assert line == f"export AZURE_CLIENT_ID={CLIENT_ID}"
            (printed,) = re.findall(r"^  app id +(\S+)", output, re.MULTILINE)
            reader.environment["AZURE_CLIENT_ID"] = printed
        elif command[0] == "ansible-playbook":
            if command[3] == "mssp.defender.verify":
                _accept(reader)
            run = reader.run(command, {})
            assert run.code == 0, run.output
            assert "nothing reads it" not in run.output
            output = run.output
    assert "Customers: 2 granted" in output
    assert sorted(path.name for path in (reader.place / "incidents").glob("*.jsonl")) == [
        "contoso.jsonl",
        "fabrikam.jsonl",
    ]
    assert (reader.place / "consent-links" / "consent_links.csv").exists()


def _accept(reader: Ansible) -> None:
    """Both customers' administrators accept what the application asks for."""
    for name in ("contoso", "fabrikam"):
        path = f"tenants/{reader.emulator.tenant_id(name)}/consent?client_id={reader.environment['AZURE_CLIENT_ID']}"
        reader.emulator.control("POST", path)
