# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential types, injected into jobs as AWX does it: what is left empty is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.ansible_runs import Ansible
from support.awx_objects import Injected, inject, wrong_injectors
from support.emulator import EmulatorProcess

TYPES = Path(__file__).resolve().parents[2] / "roles" / "awx_setup" / "vars" / "main" / "credentials.yml"
KINDS = ["client_secret", "certificate", "federated_token"]


class _Ansible(yaml.SafeLoader):
    """YAML with the tag of Ansible."""


_Ansible.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def _type(name: str) -> dict[str, Any]:
    types = yaml.load(TYPES.read_text(encoding="utf-8"), _Ansible)["awx_setup_credential_types"]
    (found,) = [one for one in types if one["name"].endswith(name)]
    return dict(found)


def _inputs(emulator: EmulatorProcess, kind: str) -> dict[str, str]:
    files = emulator.connection
    return {
        "client_secret": {"client_secret": emulator.client_secret},
        "certificate": {"certificate": Path(files["certificate_path"]).read_text()},
        "federated_token": {"federated_token": Path(files["federated_token_file"]).read_text()},
    }[kind]


@pytest.fixture
def injected(tmp_path: Path) -> Callable[..., Injected]:
    """Injects a credential of a type, with the files that AWX makes."""

    def of(name: str, **inputs: str) -> Injected:
        folder = tmp_path / "env"
        folder.mkdir()
        return inject(_type(name), inputs, folder)

    return of


@pytest.mark.parametrize("kind", KINDS)
def test_one_credential_of_three(
    ansible: Ansible, consent: Callable[..., None], injected: Callable[..., Injected], tmp_path: Path, kind: str
) -> None:
    consent("contoso", "fabrikam")
    ansible.variables.pop("partner_access_client_id")
    job = injected("application", client_id=ansible.emulator.client_id, **_inputs(ansible.emulator, kind))
    # AWX makes both files, whatever is in them
    assert sorted(path.name for path in (tmp_path / "env").iterdir()) == ["certificate", "federated_token"]
    extra = json.dumps(job.extra_variables)
    run = ansible.playbook("mssp.defender.verify", "-e", extra, **job.environment)
    assert run.code == 0, run.output
    assert "Customers: 2 granted\n" in run.output


def test_a_credential_left_empty_is_none(ansible: Ansible, injected: Callable[..., Injected]) -> None:
    ansible.variables.pop("partner_access_client_id")
    job = injected("application")
    assert set(job.environment.values()) == {""}
    run = ansible.playbook("mssp.defender.verify", "-e", json.dumps(job.extra_variables), **job.environment)
    assert run.code == 2
    assert "Traceback" not in run.output
    assert "AZURE_CLIENT_ID" in run.output


def test_the_registrar(provider: Ansible, injected: Callable[..., Injected]) -> None:
    for variable in ("partner_access_registrar_client_id", "partner_access_registrar_client_secret"):
        provider.variables.pop(variable)
    provider.variables["partner_access_unique_name"] = "northwind-soc"
    emulator = provider.emulator
    job = injected("registrar", client_id=emulator.registrar_client_id, client_secret=emulator.registrar_secret)
    assert job.environment == {}
    run = provider.playbook("mssp.defender.register", "-e", json.dumps(job.extra_variables))
    assert run.code == 0, run.output
    assert emulator.registrar_secret not in run.output


@pytest.mark.parametrize("name", ["application", "registrar"])
def test_awx_would_take_the_injectors(name: str) -> None:
    assert wrong_injectors(_type(name)["inputs"], _type(name)["injectors"]) == ""


@pytest.mark.parametrize("name", ["application", "registrar"])
def test_every_field_but_the_client_id_is_secret(name: str) -> None:
    fields = _type(name)["inputs"]["fields"]
    assert [field["id"] for field in fields if not field.get("secret")] == ["client_id"]
