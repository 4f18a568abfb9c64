# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWX refuses something, or is not there: one sentence says what, why, and what stands; the run fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import Ansible, Run
from support.awx_jobs import BY_PASSWORD, Operator, operator

pytestmark = pytest.mark.slow

TYPE: dict[str, Any] = {
    "name": "Good",
    "description": "",
    "kind": "cloud",
    "inputs": {"fields": [{"id": "key", "label": "Key", "type": "string"}]},
    "injectors": {"env": {"AZURE_CLIENT_ID": "an id"}},
}
NIGHTLY = "DTSTART:20260101T010000Z RRULE:FREQ=DAILY;INTERVAL=1"


@pytest.fixture
def awx(ansible: Ansible) -> Iterator[Operator]:
    with operator(ansible) as one:
        yield one


def _sentence(run: Run) -> str:
    """What the run ends with, as one text."""
    assert run.code == 2, run.output
    (failed,) = [e for e in run.entries if e["status"] == "failed" and "Say which object" in e["task"]]
    sentence: str = failed["result"]["msg"]
    assert "Traceback" not in run.output
    return sentence


def test_the_object_awx_refuses_is_named_with_its_words_and_what_stands(awx: Operator) -> None:
    bad = {**TYPE, "name": "Bad", "injectors": {"env": {"ANSIBLE_CONFIG": "elsewhere"}}}
    objects = {"aap_organizations": [{"name": "Defender"}], "controller_credential_types": [TYPE, bad]}
    sentence = _sentence(awx.apply_only({**objects, "controller_templates": "{{ awx_setup_templates }}"}))
    assert sentence.startswith("AWX refused the credential type 'Bad': ")
    assert "Environment variable ANSIBLE_CONFIG may affect Ansible configuration" in sentence
    assert "(organization 'Defender', credential type 'Good')" in sentence
    # nothing that comes after it was tried
    assert awx.awx.names("job_templates") == []
    assert awx.awx.names("credential_types") == ["Good"]

    fixed = awx.apply_only({**objects, "controller_credential_types": [TYPE, {**TYPE, "name": "Bad"}]})
    assert fixed.code == 0, fixed.output
    assert awx.awx.names("credential_types") == ["Good", "Bad"]


def test_a_refused_change_has_awx_own_words_too(awx: Operator) -> None:
    assert awx.apply_only({"controller_credential_types": [TYPE]}).code == 0
    undefined = {**TYPE, "injectors": {"env": {"AZURE_CLIENT_ID": {"__ansible_unsafe": "{{ nobody }}"}}}}
    sentence = _sentence(awx.apply_only({"controller_credential_types": [undefined]}))
    assert sentence.startswith("AWX refused the credential type 'Good': ")
    assert "uses an undefined field ('nobody' is undefined)" in sentence
    assert "(nothing)" in sentence


def test_a_refused_credential_tells_no_secret(awx: Operator) -> None:
    odd = {"name": "Odd", "organization": "Defender", "credential_type": "Good", "update_secrets": False}
    objects = {
        "aap_organizations": [{"name": "Defender"}],
        "controller_credential_types": [TYPE],
        "controller_credentials": [{**odd, "inputs": {"key": "", "nobody": "a secret that is refused"}}],
    }
    run = awx.apply_only(objects, "-vvv")
    assert _sentence(run).startswith("AWX refused the credential 'Odd': ")
    assert "Additional properties are not allowed" in _sentence(run)
    assert "a secret that is refused" not in run.output


def test_a_wrong_password(awx: Operator) -> None:
    run = awx.apply_only(
        {"aap_organizations": [{"name": "Defender"}]}, environment={**BY_PASSWORD, "CONTROLLER_PASSWORD": "wrong"}
    )
    sentence = _sentence(run)
    assert sentence.startswith("AWX could not be reached, or did not let us in, before the organization 'Defender': ")
    assert "HTTP Error 401" in sentence
    assert "(nothing): check CONTROLLER_HOST" in sentence


def test_no_awx_there(awx: Operator) -> None:
    run = awx.apply_only(
        {"aap_organizations": [{"name": "Defender"}]}, environment={"CONTROLLER_HOST": "https://localhost:1"}
    )
    assert _sentence(run).startswith("AWX could not be reached")
    assert "Connection refused" in _sentence(run)


def test_the_collection_awx_awx_is_missing(awx: Operator, tmp_path: Path) -> None:
    alone = tmp_path / "collections" / "ansible_collections" / "mssp"
    alone.mkdir(parents=True)
    ours = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"]) / "ansible_collections" / "mssp" / "defender"
    (alone / "defender").symlink_to(ours.resolve())
    run = awx.apply(environment={"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections")})
    assert _sentence(run).startswith("The collection awx.awx is not installed here, and AWX was told nothing: install")
    assert awx.awx.writes == []


def test_a_secret_where_everyone_sees_it(awx: Operator) -> None:
    run = awx.apply(awx_setup_inventory_variables={"partner_access_client_secret": "a secret in the open"})
    assert run.code == 2
    assert "awx_setup_inventory_variables holds partner_access_client_secret" in run.output
    assert "a secret in the open" not in run.output
    assert awx.awx.writes == []


def test_no_project_is_named(awx: Operator) -> None:
    run = awx.apply(awx_setup_project_url="")
    assert run.code == 2
    assert "AWX cannot be set up without awx_setup_project_url: give it." in run.output
    assert awx.awx.writes == []


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        (
            {"rrule": NIGHTLY, "unified_job_template": "Nothing"},
            "of this role, and names Nothing: name one of Defender",
        ),
        ({"unified_job_template": "Defender rotate"}, "missing required arguments: rrule"),
    ],
    ids=["of nothing", "without a time"],
)
def test_a_schedule_that_could_not_be_made(awx: Operator, schedule: dict[str, str], sentence: str) -> None:
    run = awx.apply(awx_setup_schedules=[{"name": "Odd", **schedule}])
    assert run.code == 2
    assert sentence in run.output.replace("\n", " ")
    assert awx.awx.writes == []
