# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.operations import OperationHost
from support.scripted_entra import OTHER_TENANT, TENANT, ScriptedEntra, refusal, token_path
from support.scripted_server import Answer, ScriptedServer
from support.scripted_tasks import connection_to

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations.changing import triage

XDR = "/api/incidents"
GRAPH = "/v1.0/security/incidents"
ROLES = ["Incident.ReadWrite.All"]
SEEN = "2026-11-20T08:00:00Z"
RULE = {"name": "high", "match": {"severity": "High"}, "set": {"status": "InProgress"}}


def record(number: int, **fields: Any) -> dict[str, Any]:
    filled = {"incidentName": f"Title {number}", "status": "Active", "severity": "High", "lastUpdateTime": SEEN}
    return {"incidentId": number, **filled, **fields}


class Task:
    """Runs the operation against the scripted services, in which three incidents are Active, and none InProgress."""

    def __init__(self, entra: ScriptedEntra) -> None:
        self.server: ScriptedServer = entra.server
        self.server.has_no_more = True
        self.server.script(token_path(), entra.granting(entra.token(roles=ROLES)))
        self.server.script(token_path(OTHER_TENANT), entra.granting(entra.token(tid=OTHER_TENANT, roles=ROLES)))
        self.answer(record(1), record(2, severity="Low"), record(3))

    def answer(self, *records: dict[str, Any]) -> None:
        self.server.script(XDR, Answer({"value": list(records)}), Answer({"value": []}))
        for each in records:
            self.server.script(f"{XDR}/{each['incidentId']}", Answer(each), method="GET")
            taken_on = {**each, "status": "InProgress"}
            self.server.script(f"{XDR}/{each['incidentId']}", Answer(taken_on), method="PATCH")

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {
            "api": "xdr",
            **connection_to(self.server),
            **({} if "rules_file" in options else {"rules": [RULE]}),
            **({} if "tenants" in options else {"tenant_id": TENANT}),
            **options,
        }
        return triage.run(OperationHost(triage.OPERATION, check_mode, **given))

    def changed(self) -> list[str]:
        return [request.path for request in self.server.requests if request.method == "PATCH"]


@pytest.fixture
def task(entra: ScriptedEntra) -> Task:
    return Task(entra)


def test_what_a_rule_matches_is_changed(task: Task) -> None:
    result = task()
    assert (result["state"], result["read"], result["matched"], result["changed"]) == ("granted", 3, 2, True)
    assert result["changes"][0] == {
        "incident_id": "1",
        "result": "changed",
        "changed": True,
        "before": {"status": "Active"},
        "after": {"status": "InProgress"},
        "rule": "high",
        "title": "Title 1",
    }
    assert task.changed() == [f"{XDR}/1", f"{XDR}/3"]
    assert [difference["after_header"] for difference in result["diff"]] == [f"{TENANT} incident {n}" for n in (1, 3)]


def test_check_mode_plans_from_what_was_read_alone(task: Task) -> None:
    planned = task(check_mode=True)
    assert {request.path for request in task.server.requests if request.path.startswith("/api")} == {XDR}
    task.answer(record(1), record(2, severity="Low"), record(3))
    assert planned["changes"] == task()["changes"]


def test_each_state_is_asked_for_by_itself(task: Task) -> None:
    task(updated_after=SEEN)
    filters = [request.query["$filter"] for request in task.server.requests_to(XDR) if "$skip" not in request.query]
    assert [text.partition(" and ")[0] for text in filters] == ["status eq 'Active'", "status eq 'InProgress'"]
    assert all("lastUpdateTime ge 2026-11-20T08:00:00.0000000Z" in text for text in filters)


def test_what_is_as_the_rule_wants_it_is_neither_read_again_nor_changed(task: Task) -> None:
    task.answer(record(1, status="InProgress"))
    task.server.script(XDR, Answer({"value": []}), Answer({"value": [record(1, status="InProgress")]}))
    result = task()
    assert (result["matched"], result["changes"], result["changed"]) == (1, [], False)
    assert task.server.requests_to(f"{XDR}/1") == []


def test_of_two_versions_the_later_counts(task: Task) -> None:
    """Somebody took one of them on while the others were read, and lowered the severity of the other."""
    later = [record(1, status="InProgress"), record(3, status="InProgress", severity="Low")]
    task.answer(record(1), record(3))
    task.server.script(XDR, Answer({"value": [record(1), record(3)]}), Answer({"value": later}))
    result = task()
    assert (result["read"], result["matched"], result["changes"]) == (2, 1, [])


def test_an_incident_whose_time_nobody_knows_is_left_alone(task: Task) -> None:
    task.answer(record(1, lastUpdateTime=None))
    task.server.script(f"{XDR}/1", Answer(record(1)), method="GET")
    assert [change["result"] for change in task()["changes"]] == ["conflict"]


@pytest.mark.parametrize(
    ("updated", "result"),
    [(SEEN, "changed"), ("2026-11-20T08:00:00.0000001Z", "conflict"), (None, "conflict")],
)
def test_an_incident_that_moved_since_it_was_read_is_left_alone(task: Task, updated: str | None, result: str) -> None:
    task.answer(record(1))
    task.server.script(f"{XDR}/1", Answer(record(1, lastUpdateTime=updated)), method="GET")
    outcome = task()
    assert outcome["state"] == "granted", "the next run looks at it again"
    assert [change["result"] for change in outcome["changes"]] == [result]
    assert bool(task.changed()) == (result == "changed")


def test_a_refused_change_is_told(task: Task) -> None:
    task.server.script(
        f"{XDR}/1", Answer({"error": {"code": "BadRequest", "message": "No such user"}}, 400), method="PATCH"
    )
    result = task()
    assert (result["state"], result["changed"]) == ("error", True)
    assert [change["result"] for change in result["changes"]] == ["refused", "changed"]
    assert "1 of 2 incidents was not changed as asked" in result["msg"]


def test_one_tenants_trouble_costs_no_other_its_triage(task: Task) -> None:
    task.server.script(token_path(OTHER_TENANT), refusal(7000229))
    tenants = [{"name": "fabrikam", "tenant_id": OTHER_TENANT}, {"name": "contoso", "tenant_id": TENANT}]
    result = task(tenants=tenants)
    fabrikam, contoso = result["tenants"]
    assert (fabrikam["state"], "changes" in fabrikam) == ("not_consented", False)
    assert (contoso["state"], len(contoso["changes"])) == ("granted", 2)


def test_a_tenant_that_ends_the_work_says_what_was_done(task: Task) -> None:
    task.server.script(f"{XDR}/3", Answer(status=429, headers={"Retry-After": "900"}), method="PATCH")
    result = task()
    assert (result["state"], result["changed"]) == ("throttled", True)
    assert [(change["incident_id"], change["result"]) for change in result["changes"]] == [
        ("1", "changed"),
        ("3", "not_reached"),
    ]


def test_a_wait_while_reading_forgets_nothing(task: Task) -> None:
    throttled = Answer(status=429, headers={"Retry-After": "1"})
    active = Answer({"value": [record(1), record(3)]})
    task.server.script(XDR, throttled, active, throttled, Answer({"value": []}))
    assert task()["matched"] == 2
    assert task.changed() == [f"{XDR}/1", f"{XDR}/3"]


def test_alerts_are_asked_for_where_a_rule_looks_at_them(task: Task, entra: ScriptedEntra) -> None:
    token = entra.token(aud="https://graph.microsoft.com", roles=["SecurityIncident.ReadWrite.All"])
    task.server.script(token_path(), entra.granting(token))
    task.server.script(GRAPH, Answer({"value": []}))
    for match, expanded in (({"severity": "High"}, None), ({"service_source": "x"}, "alerts")):
        task(api="graph", rules=[{**RULE, "match": match}])
        assert task.server.requests_to(GRAPH)[-1].query.get("$expand") == expanded


@pytest.mark.parametrize("check_mode", [True, False])
def test_who_may_not_write_is_told_before_anything_is_read(task: Task, entra: ScriptedEntra, check_mode: bool) -> None:
    task.server.script(token_path(), entra.granting(entra.token(roles=["Incident.Read.All"])))
    result = task(check_mode=check_mode)
    assert (result["state"], result["remedy"]) == ("partial", "consent again, to Incident.ReadWrite.All")
    assert task.server.requests_to(XDR) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rules": [{**RULE, "match": {"color": "red"}}]}, "rule 'high': match.color is not a key"),
        ({"rules": []}, "rules: there is none"),
        ({"updated_after": "last week"}, "updated_after 'last week' is not a time: "),
        ({"cloud": "china"}, "cloud 'china' has no Microsoft Threat Protection API: "),
    ],
)
def test_bad_input_is_refused_before_any_request(task: Task, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        task(**options)
    assert str(refused.value).startswith(sentence)
    assert task.server.requests == []


@pytest.mark.parametrize(
    "text", [f"\ufeff{json.dumps([RULE])}", "- {name: '{{ high }}', match: {severity: High}, set: {}}"]
)
def test_rules_come_from_a_file_as_they_stand(task: Task, tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(text, encoding="utf-8")
    result = task(rules_file=str(path), check_mode=True)
    assert result["matched"] == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "rules_file: {path} cannot be read (No such file or directory): check its path and mode"),
        ("- name: caf\xe9".encode("latin-1"), "rules_file: {path} is not UTF-8 (byte 12 of it is none): "),
        (b"- {name: a, match: {severity: [High}", "rules_file: {path} is no YAML: line 1, column 36: "),
        (b"\x00", "rules_file: {path} is no YAML: unacceptable character #x0000"),
        (b"rules: []", "rules_file: {path} holds no list of rules: write each with name, match and set"),
        (b"", "rules_file: {path} holds no list of rules: "),
        (b"[]", "rules: there is none"),
        (b"- text", "rule 1 has no name: "),
    ],
)
def test_a_file_without_rules_is_refused_before_any_request(
    task: Task, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "rules.yml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OptionError) as refused:
        task(rules_file=str(path))
    assert str(refused.value).startswith(sentence.format(path=path))
    assert "\n" not in str(refused.value)
    assert task.server.requests == []
