# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from support.machine import Clock
from support.scripted_entra import ScriptedEntra
from support.scripted_graph import APP_ID, CREATED, DENIED, DONE, UNIQUE_NAME, application, applications, by_key
from support.scripted_server import Answer
from support.scripted_tasks import RegistrarTask

from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import credential as operation

FEDERATED = applications("/federatedIdentityCredentials")
ISSUER = "https://pipelines.example"
SUBJECT = "repo:provider/soc:environment:production"
AUDIENCES = ["api://AzureADTokenExchange"]
DECLARED = {"issuer": ISSUER, "subject": SUBJECT, "audiences": AUDIENCES}


@pytest.fixture
def task(entra: ScriptedEntra, clock: Clock) -> RegistrarTask:
    assert clock.pauses == []
    task = RegistrarTask(operation.OPERATION, entra, kind="federated", name="pipeline", issuer=ISSUER, subject=SUBJECT)
    task.server.script(by_key("applications", "uniqueName", UNIQUE_NAME), Answer(application()))
    task.server.script(FEDERATED, Answer({"id": "f-new"}, CREATED), method="POST")
    task.server.script(f"{FEDERATED}/f1", DONE, method="PATCH")
    has(task)
    return task


def has(task: RegistrarTask, **members: Any) -> None:
    """Let one federated credential be there besides that of another name, if it has any members."""
    other, ours = {"id": "f0", "name": "other", **DECLARED}, {"id": "f1", "name": "pipeline", **members}
    task.server.script(FEDERATED, Answer({"value": [other, ours] if members else [other]}), method="GET")


def test_a_federated_credential_is_added(task: RegistrarTask) -> None:
    planned = task(check_mode=True)
    assert (planned["changed"], planned["credential"]["key_id"], task.written()) == (True, None, [])
    result = task()
    assert task.body("POST", FEDERATED) == {"name": "pipeline", **DECLARED}
    assert (result["changed"], result["app_id"], result["retired"]) == (True, APP_ID, [])
    assert result["credential"] == {"name": "pipeline", "key_id": "f-new", **DECLARED}
    assert result["diff"] == planned["diff"] == {"before": {}, "after": DECLARED}


def test_a_second_run_changes_nothing(task: RegistrarTask) -> None:
    has(task, **DECLARED, description="ours")
    result = task()
    assert (result["changed"], result["credential"]["key_id"], task.written()) == (False, "f1", [])
    assert "diff" not in result


def test_only_what_differs_is_changed(task: RegistrarTask) -> None:
    has(task, **{**DECLARED, "subject": "old"}, description="ours")
    result = task(description="new")
    changes = {"subject": SUBJECT, "description": "new"}
    assert task.body("PATCH", f"{FEDERATED}/f1") == changes
    assert result["diff"] == {"before": {"subject": "old", "description": "ours"}, "after": changes}
    assert result["credential"]["key_id"] == "f1"


def test_the_case_of_a_subject_matters(task: RegistrarTask) -> None:
    has(task, **{**DECLARED, "subject": SUBJECT.upper()})
    assert task()["changed"] is True


def test_a_refusal_names_the_right_that_is_missing(task: RegistrarTask) -> None:
    task.server.script(FEDERATED, DENIED, method="POST")
    result = task()
    assert (result["failed"], result["changed"]) == (True, False)
    assert "Microsoft Graph refused to add a federated credential: " in result["msg"]
    assert "grant Application.ReadWrite.OwnedBy" in result["remedy"]
