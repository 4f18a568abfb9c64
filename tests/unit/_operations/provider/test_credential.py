# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from support.scripted_entra import TENANT, ScriptedEntra
from support.scripted_tasks import RegistrarTask

from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import application
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import credential as operation

FEDERATED = {"kind": "federated", "issuer": "https://pipelines.example", "subject": "repo:soc"}


@pytest.fixture
def task(entra: ScriptedEntra, tmp_path: Path) -> RegistrarTask:
    return RegistrarTask(operation.OPERATION, entra, name="ansible", dest=str(tmp_path / "file"), encrypt=False)


def test_a_credential_is_a_certificate_unless_another_kind_is_asked_for() -> None:
    validator = ArgumentSpecValidator(operation.OPERATION.arguments, **operation.OPERATION.constraints)
    given = validator.validate({"tenant_id": TENANT, "unique_name": "soc"}).validated_parameters
    assert (given["kind"], given["encrypt"], given["lifetime"]) == ("certificate", True, "180d")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"state": "absent", "name": None},
            "a credential is removed by its name or its key_id: give one of them, never all at once",
        ),
        ({"state": "absent", "name": ""}, "a credential is removed by its name or its key_id: "),
        ({"name": None}, "name is missing: each credential has a name that it can be found by again"),
        ({"name": "", **FEDERATED}, "name is missing: "),
        (
            {"dest": None, "kind": "secret"},
            "dest is missing: a secret is shown only once, so name the file of variables that keeps it",
        ),
        ({"dest": None}, "dest is missing: name the PEM file that keeps, or is to keep, the key and its certificate"),
        (
            {"dest": "/etc/mssp/credential.yml"},
            "dest is named like a file of variables, which Ansible loads: name a .pem file, or set kind to secret",
        ),
        (
            {"expose_secret": True},
            "expose_secret is for secrets: a certificate credential has nothing to show: set kind to secret",
        ),
        ({**FEDERATED, "expose_secret": True}, "expose_secret is for secrets: a federated credential has nothing"),
        ({**FEDERATED, "issuer": None}, "issuer and subject are missing: they say whose tokens the federated"),
        ({**FEDERATED, "subject": ""}, "issuer and subject are missing: "),
        ({"lifetime": "a year"}, "lifetime 'a year' is not a duration: write it as 90m, 24h or 30d"),
        ({"rotate_before": "30"}, "rotate_before '30' is not a duration: "),
        ({"overlap": "-7d"}, "overlap '-7d' is not a duration: "),
        ({"lifetime": "0d"}, "lifetime '0d' must be between 1m and 3650d"),
        ({"lifetime": "3651d"}, "lifetime '3651d' must be between 1m and 3650d"),
        ({"lifetime": "30d"}, "rotate_before must be shorter than lifetime: every run would make a new credential"),
        ({"app_id": "my app"}, "app_id 'my app' is not a GUID: "),
        ({"unique_name": "x" * 257}, "unique_name (257 characters, not shown) is too long"),
        ({"tenant_id": "organizations"}, "tenant_id is 'organizations', which names no customer"),
        (
            {"client_id": None},
            (
                "client_id is missing: give the application (client) ID in the option, in the host's variable "
                "partner_access_registrar_client_id or in AZURE_CLIENT_ID"
            ),
        ),
        ({"client_secret": None}, "no credential is given: "),
        ({"certificate_path": "/nowhere"}, "client_secret (AZURE_CLIENT_SECRET) and certificate_path ("),
        ({"graph_url": "http://localhost"}, "graph_url 'http://localhost' is not an https URL"),
        ({"dest": "/nowhere/file"}, "dest: the folder /nowhere does not exist: create it first"),
    ],
)
def test_bad_input_is_refused_before_any_request(
    task: RegistrarTask, tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    assert task.refusal(**options).startswith(sentence)
    assert task.server.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("lifetime", ["1m", "3650d"])
def test_the_shortest_and_the_longest_lifetime_are_taken(task: RegistrarTask, lifetime: str) -> None:
    result = task(check_mode=True, lifetime=lifetime, rotate_before="0m")
    assert "is not registered in this tenant" in result["msg"]


def test_what_a_credential_is_made_of_matters_only_while_it_is_to_be_there(task: RegistrarTask) -> None:
    for kind in ("secret", "certificate", "federated"):
        assert task(state="absent", kind=kind, dest=None)["removed"] == []


@pytest.mark.parametrize("module", [application.OPERATION, operation.OPERATION], ids=["application", "credential"])
def test_an_application_is_named_one_way_or_the_other(module: Any) -> None:
    validator = ArgumentSpecValidator(module.arguments, **module.constraints)
    (error,) = validator.validate({"tenant_id": TENANT}).error_messages
    assert "one of the following is required: app_id, unique_name" in error
    assert validator.validate({"unique_name": "soc"}).error_messages == ["missing required arguments: tenant_id"]
