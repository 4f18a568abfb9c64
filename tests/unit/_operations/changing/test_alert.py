# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from support.operations import OperationHost
from support.scripted_entra import CLIENT, TENANT, ScriptedEntra, token_path
from support.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.changing.changes import Comment
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations.changing import alert

ALERT = "da637551227677560813_-961444813"
PATH = f"/v1.0/security/alerts_v2/{ALERT}"


class Task:
    """Runs the operation against the scripted services, in which one alert is new."""

    def __init__(self, entra: ScriptedEntra) -> None:
        self.server: ScriptedServer = entra.server
        token = entra.token(aud="https://graph.microsoft.com", roles=["SecurityAlert.ReadWrite.All"])
        self.server.script(token_path(), entra.granting(token))
        self.server.script(PATH, Answer({"id": ALERT, "status": "new", "classification": "unknown"}), method="GET")
        after = {"id": ALERT, "status": "resolved", "classification": "falsePositive", "determination": "notMalicious"}
        self.server.script(PATH, Answer(after), method="PATCH")
        self.server.script(f"{PATH}/comments", Answer({"value": [{"comment": Comment("Closed").marked}]}))

    def __call__(self, **options: Any) -> dict[str, Any]:
        given = {
            "client_id": CLIENT,
            "client_secret": "canary-secret",
            "authority_url": self.server.url,
            "graph_url": self.server.url,
            "ca_path": self.server.ca_path,
            "retries": 0,
            "tenant_id": TENANT,
            "alert_id": ALERT,
            **options,
        }
        return alert.run(OperationHost(alert.OPERATION, **given))


@pytest.fixture
def task(entra: ScriptedEntra) -> Task:
    return Task(entra)


def test_an_alert_is_changed_and_commented_on(task: Task) -> None:
    result = task(status="Resolved", classification="FalsePositive", determination="Clean", comment="Closed")
    (changed,) = result["alerts"]
    assert (result["state"], changed["alert_id"], changed["result"]) == ("granted", ALERT, "changed")
    patch, comment = (
        request.json for request in task.server.requests_to(PATH, "PATCH") + task.server.requests_to(f"{PATH}/comments")
    )
    assert patch == {"status": "resolved", "classification": "falsePositive", "determination": "notMalicious"}
    assert comment["comment"].startswith("Closed [ansible:")


def test_an_alert_of_another_tenant_is_named(task: Task) -> None:
    result = task(alert_id="elsewhere", status="Resolved")
    assert "alert elsewhere is not in this tenant; provider: check tenant_id and alert_id" in result["msg"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "nothing is to be set"),
        ({"alert_id": "..", "status": "New"}, "alert_id '..' is not the id of an alert"),
        ({"classification": "TruePositive", "determination": "Clean"}, "determination 'Clean' does not go with"),
        ({"status": "New", "unchanged_since": "x"}, "unchanged_since 'x' is not a time: give the lastUpdateDateTime"),
    ],
)
def test_bad_input_is_refused_before_any_request(task: Task, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        task(**options)
    assert str(refused.value).startswith(sentence)
    assert task.server.requests == []
