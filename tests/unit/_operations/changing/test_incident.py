# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from support.operations import OperationHost
from support.scripted_entra import OTHER_TENANT, TENANT, ScriptedEntra, refusal, token_path
from support.scripted_server import Answer, ScriptedServer
from support.scripted_tasks import connection_to

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations.changing import incident

XDR = "/api/incidents"
GRAPH = "/v1.0/security/incidents"
RECORD = {"incidentId": 7, "status": "Active", "lastUpdateTime": "2026-11-20T08:00:00Z", "comments": [], "tags": []}
SET = {**RECORD, "status": "Resolved", "classification": "FalsePositive", "determination": "Clean"}
ROLES = ["Incident.ReadWrite.All"]


class Task:
    """Runs the operation against the scripted services, in which incidents 7, 8 and 9 are Active."""

    def __init__(self, entra: ScriptedEntra) -> None:
        self.server: ScriptedServer = entra.server
        self.server.script(token_path(), entra.granting(entra.token(roles=ROLES)))
        self.server.script(token_path(OTHER_TENANT), entra.granting(entra.token(tid=OTHER_TENANT, roles=ROLES)))
        for number in (7, 8, 9):
            self.server.script(f"{XDR}/{number}", Answer({**RECORD, "incidentId": number}), method="GET")
            self.server.script(f"{XDR}/{number}", Answer({**SET, "incidentId": number}), method="PATCH")

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {
            "api": "xdr",
            **connection_to(self.server),
            **({} if "incidents" in options else {"tenant_id": TENANT, "incident_id": "7"}),
            **options,
        }
        return incident.run(OperationHost(incident.OPERATION, check_mode, **given))

    def bodies(self) -> dict[str, Any]:
        """What was sent, by path."""
        return {request.path: request.json for request in self.server.requests if request.method == "PATCH"}


@pytest.fixture
def task(entra: ScriptedEntra) -> Task:
    return Task(entra)


def one(number: int, tenant: str = TENANT, **settings: Any) -> dict[str, Any]:
    name = {TENANT: "contoso", OTHER_TENANT: "fabrikam"}[tenant]
    return {"name": name, "tenant_id": tenant, "incident_id": str(number), **settings}


def test_a_single_incident_is_changed(task: Task) -> None:
    result = task(status="Resolved")
    assert (result["state"], result["changed"], result["failed"]) == ("granted", True, False)
    assert result["incidents"] == [
        {
            "incident_id": "7",
            "result": "changed",
            "changed": True,
            "before": {"status": "Active"},
            "after": {"status": "Resolved"},
        }
    ]
    assert task.bodies() == {f"{XDR}/7": {"status": "Resolved"}}
    header = f"{TENANT} incident 7"
    assert result["diff"] == [
        {
            "before_header": header,
            "after_header": header,
            "before": {"status": "Active"},
            "after": {"status": "Resolved"},
        }
    ]


def test_check_mode_changes_nothing_and_says_the_same(task: Task) -> None:
    planned = task(check_mode=True, status="Resolved")
    assert task.bodies() == {}
    assert planned == task(status="Resolved")


def test_what_is_so_already_changes_nothing(task: Task) -> None:
    result = task(status="Active")
    assert (result["changed"], result["incidents"][0]["result"], "diff" in result) == (False, "unchanged", False)


def test_many_incidents_of_many_tenants_are_told_apart(task: Task) -> None:
    """What the task says holds for each incident that does not say otherwise; the pair is taken as a whole."""
    taken_on = {**SET, "incidentId": 8, "status": "InProgress", "classification": "TruePositive"}
    task.server.script(f"{XDR}/8", Answer(taken_on), method="PATCH")
    task.server.script(f"{XDR}/9", Answer({**SET, "incidentId": 9, "assignedTo": "ann@contoso.com"}), method="PATCH")
    result = task(
        incidents=[
            one(7),
            one(8, OTHER_TENANT, status="InProgress", classification="TruePositive"),
            one(9, assigned_to="ann@contoso.com"),
        ],
        status="Resolved",
        classification="FalsePositive",
        determination="Clean",
    )
    pair = {"classification": "FalsePositive", "determination": "Clean"}
    assert task.bodies() == {
        f"{XDR}/7": {"status": "Resolved", **pair},
        f"{XDR}/8": {"status": "InProgress", "classification": "TruePositive"},
        f"{XDR}/9": {"status": "Resolved", "assignedTo": "ann@contoso.com", **pair},
    }
    ids = {outcome["name"]: [each["incident_id"] for each in outcome["incidents"]] for outcome in result["tenants"]}
    assert ids == {"contoso": ["7", "9"], "fabrikam": ["8"]}
    assert (result["changed"], result["summary"]) == (True, {"granted": 2})
    headers = [difference["after_header"] for difference in result["diff"]]
    assert headers == ["contoso incident 7", "contoso incident 9", "fabrikam incident 8"]


def test_one_incidents_trouble_costs_no_other_its_change(task: Task) -> None:
    result = task(incidents=[one(1), one(7), one(8, OTHER_TENANT)], status="Resolved")
    contoso, fabrikam = result["tenants"]
    assert [each["result"] for each in contoso["incidents"]] == ["not_found", "changed"]
    assert contoso["msg"] == (
        f"contoso ({TENANT}) is error: 1 of 2 incidents was not changed as asked, the first: incident 1 is not in this "
        "tenant; provider: check tenant_id and incident_id."
    )
    assert (fabrikam["state"], result["changed"], result["failed"]) == ("granted", True, False)
    assert task(incidents=[one(1)], status="Resolved", fail_on=["error"])["failed"]


def test_one_tenants_trouble_costs_no_other_its_changes(task: Task) -> None:
    task.server.script(token_path(), refusal(7000229))
    result = task(incidents=[one(7), one(8, OTHER_TENANT)], status="Resolved")
    contoso, fabrikam = result["tenants"]
    assert (contoso["state"], contoso["incidents"][0]["result"]) == ("not_consented", "not_reached")
    assert (fabrikam["state"], fabrikam["incidents"][0]["result"]) == ("granted", "changed")


def test_a_throttled_tenant_is_waited_for_and_goes_on(task: Task) -> None:
    throttled = Answer(status=429, headers={"Retry-After": "1"})
    task.server.script(f"{XDR}/8", throttled, Answer({**SET, "incidentId": 8}), method="PATCH")
    result = task(incidents=[one(7), one(8), one(9)], status="Resolved")
    assert [each["result"] for each in result["tenants"][0]["incidents"]] == ["changed"] * 3
    sent = [request.path for request in task.server.requests if request.method == "PATCH"]
    assert sent == [f"{XDR}/7", f"{XDR}/8", f"{XDR}/8", f"{XDR}/9"]


def test_a_tenant_that_throttles_too_long_says_what_was_done(task: Task) -> None:
    task.server.script(f"{XDR}/8", Answer(status=429, headers={"Retry-After": "900"}), method="PATCH")
    result = task(incidents=[one(7), one(8), one(9)], status="Resolved")
    (outcome,) = result["tenants"]
    assert outcome["state"] == "throttled"
    assert [each["result"] for each in outcome["incidents"]] == ["changed", "not_reached", "not_reached"]
    assert result["changed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_who_may_only_read_is_told_before_anything_is_read(task: Task, entra: ScriptedEntra, check_mode: bool) -> None:
    task.server.script(token_path(), entra.granting(entra.token(roles=["Incident.Read.All"])))
    result = task(check_mode=check_mode, status="Resolved")
    assert (result["state"], result["remedy"]) == ("partial", "consent again, to Incident.ReadWrite.All")
    assert task.server.requests_to(f"{XDR}/7") == []


def test_graph_is_changed_through_graph(task: Task, entra: ScriptedEntra) -> None:
    token = entra.token(aud="https://graph.microsoft.com", roles=["SecurityIncident.ReadWrite.All"])
    task.server.script(token_path(), entra.granting(token))
    task.server.script(f"{GRAPH}/7", Answer({"id": "7", "status": "active"}), method="GET")
    task.server.script(f"{GRAPH}/7", Answer({"id": "7", "status": "inProgress"}), method="PATCH")
    assert task(api="graph", status="InProgress")["changed"]
    assert task.bodies() == {f"{GRAPH}/7": {"status": "inProgress"}}
    assert task.server.requests_to(f"{GRAPH}/7")[0].headers["Prefer"] == "include-unknown-enum-members"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "nothing is to be set: give status, assigned_to, classification, tags or comment"),
        ({"incident_id": "7/../8", "status": "Active"}, "incident_id '7/../8' is not the id of an incident"),
        ({"determination": "Malware"}, "determination 'Malware' needs a classification beside it"),
        (
            {"classification": "FalsePositive", "determination": "Malware"},
            "determination 'Malware' does not go with classification 'FalsePositive': it is one of Clean, ",
        ),
        (
            {"status": "Active", "unchanged_since": "yesterday"},
            "unchanged_since 'yesterday' is not a time: give the lastUpdateTime",
        ),
        ({"tags": {"set": ["a"], "add": ["b"]}}, "tags must have either 'set', or 'add' and 'remove'"),
        ({"incidents": [one(7), one(8, status="Active")]}, "incidents, item 1: nothing is to be set"),
        (
            {"incidents": [one(7, classification="TruePositive", determination="Clean")]},
            "incidents, item 1: determination 'Clean' does not go with",
        ),
        (
            {"incidents": [one(7), {**one(8, OTHER_TENANT), "name": "contoso"}], "status": "Active"},
            "incidents: the name 'contoso' stands for more than one tenant_id",
        ),
        ({"status": "Active", "cloud": "china"}, "cloud 'china' has no Microsoft Threat Protection API: "),
    ],
)
def test_bad_input_is_refused_before_any_request(task: Task, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        task(**options)
    assert str(refused.value).startswith(sentence)
    assert task.server.requests == []
