# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Triage by rules: the module on both APIs, and the playbook over a fleet with its plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.emulated_tenants import IncidentDesk
from support.emulator import EmulatorProcess
from support.operations import Tasks

APIS = ["xdr", "graph"]
PATCH = {"xdr": "PATCH /api/incidents", "graph": "PATCH /v1.0/security/incidents"}
RULES = [
    {"name": "red team", "match": {"tags": "red-team"}, "set": {}},
    {
        "name": "phishing drill",
        "match": {"title": r"^phishing.*\{\{ drill \}\}$"},
        "set": {
            "status": "Resolved",
            "classification": "InformationalExpectedActivity",
            "determination": "SecurityTesting",
            "comment": "Announced by the customer",
        },
    },
    {
        "name": "high ones",
        "match": {"severity": "High", "assigned_to": ""},
        "set": {"assigned_to": "tier2@provider.example", "tags": {"add": ["tier2"]}},
    },
]
QUIET = {"status": "Active", "severity": "Low", "assignedTo": None, "tags": [], "comments": [], "alert_count": 1}
DRILL = {**QUIET, "incidentName": "Phishing mail {{ drill }}", "severity": "High"}
HIGH = {**QUIET, "incidentName": "Ransomware", "severity": "High"}


@pytest.fixture
def desk(emulator: EmulatorProcess) -> IncidentDesk:
    desk = IncidentDesk(emulator)
    desk.open("contoso")
    return desk


@pytest.mark.parametrize("api", APIS)
def test_the_first_rule_that_matches_counts(
    tasks: Tasks, desk: IncidentDesk, emulator: EmulatorProcess, count_requests: Callable[[str], int], api: str
) -> None:
    ids = dict(
        zip(
            ("drill", "high", "red", "low", "taken", "resolved"),
            desk.put(
                "contoso",
                DRILL,
                HIGH,
                {**HIGH, "tags": ["red-team", "x"]},
                QUIET,
                {**HIGH, "assignedTo": "ann@provider.example"},
                {**DRILL, "status": "Resolved"},
            ),
            strict=True,
        )
    )
    before = {name: desk.see("contoso", identity) for name, identity in ids.items()}
    asked: dict[str, Any] = {"tenant_id": emulator.tenant_id("contoso"), "api": api, "rules": RULES}
    planned = tasks.triage(check_mode=True, **asked)
    assert {name: desk.see("contoso", identity) for name, identity in ids.items()} == before
    result = tasks.triage(**asked)
    assert result["changes"] == planned["changes"], "the plan is what is done"
    assert (result["state"], result["read"], result["matched"]) == ("granted", 5, 3)
    rules = {change["incident_id"]: change["rule"] for change in result["changes"]}
    assert rules == {ids["drill"]: "phishing drill", ids["high"]: "high ones"}
    after = {name: desk.see("contoso", identity) for name, identity in ids.items()}
    assert after["drill"]["determination"] == "SecurityTesting"
    assert after["high"]["assignedTo"] == "tier2@provider.example"
    assert {name for name in ids if after[name] != before[name]} == {"drill", "high"}
    again = tasks.triage(**asked)
    assert (again["changed"], again["changes"], again["matched"]) == (False, [], 1)
    assert count_requests(PATCH[api]) == 2


@pytest.mark.parametrize("api", APIS)
def test_conditions_on_age_and_service(tasks: Tasks, desk: IncidentDesk, emulator: EmulatorProcess, api: str) -> None:
    old, _young = desk.put(
        "contoso", {**QUIET, "createdTime": "2026-01-01T00:00:00Z"}, {**QUIET, "createdTime": "2099-01-01T00:00:00Z"}
    )
    (alert,) = desk.see("contoso", old)["alerts"]
    sources = [alert["serviceSource"], "somethingElse"]
    rule = {"name": "old", "match": {"older_than": "7d", "service_source": sources}, "set": {"tags": {"set": ["old"]}}}
    asked: dict[str, Any] = {"tenant_id": emulator.tenant_id("contoso"), "api": api}
    result = tasks.triage(rules=[rule], **asked)
    assert [change["incident_id"] for change in result["changes"]] == [old]
    rule = {**rule, "match": {"service_source": "somethingElse"}}
    assert tasks.triage(rules=[rule], **asked)["matched"] == 0


@pytest.mark.parametrize("api", APIS)
def test_an_incident_updated_between_reading_and_change_is_left_alone(
    tasks: Tasks, desk: IncidentDesk, emulator: EmulatorProcess, fault: Callable[..., None], api: str
) -> None:
    (incident_id,) = desk.put("contoso", HIGH)
    path = {"xdr": "/api/incidents", "graph": "/v1.0/security/incidents"}[api]
    fault("churn", "contoso", path=path, times=1, count=1)
    asked: dict[str, Any] = {"tenant_id": emulator.tenant_id("contoso"), "api": api, "rules": RULES}
    result = tasks.triage(**asked)
    assert (result["state"], result["changed"]) == ("granted", False)
    assert [(change["incident_id"], change["result"]) for change in result["changes"]] == [(incident_id, "conflict")]
    assert desk.see("contoso", incident_id)["assignedTo"] is None
    assert tasks.triage(**asked)["changed"], "the next run looks at it again"


@pytest.fixture
def fleet(ansible: Ansible, emulator: EmulatorProcess) -> Ansible:
    """Three customers with incidents, one who granted reading alone, one who granted nothing."""
    desk = IncidentDesk(emulator)
    for name in ("contoso", "fabrikam", "tailspin"):
        desk.open(name)
        desk.put(name, DRILL, HIGH, QUIET)
    desk.open("wingtip", roles=["Incident.Read.All"])
    names = ("contoso", "fabrikam", "tailspin", "wingtip", "adatum")
    known = {tenant["name"]: tenant["tenant_id"] for tenant in emulator.connection["tenants"]}
    ansible.customers = {name: {"partner_access_tenant_id": known[name]} for name in names if name in known}
    (ansible.place / "rules.yml").write_text(json.dumps(RULES))
    ansible.variables |= {"partner_access_triage_rules": "rules.yml", "partner_access_triage_updated_after": "30d"}
    return ansible


def test_the_plan_for_the_whole_fleet(fleet: Ansible, emulator: EmulatorProcess) -> None:
    run = fleet.playbook("mssp.defender.triage", "--check", "--diff")
    assert run.code == 0, run.output
    table = run.table("Triage would change")
    assert table[0].split() == ["customer", "incident", "title", "rule", "change"]
    assert sorted(line.split()[0] for line in table[1:]) == sorted(["contoso", "fabrikam", "tailspin"] * 2)
    assert any(
        "phishing drill   status resolved; classification informationalExpectedActivity" in line for line in table
    )
    assert run.output.count('+    "assigned_to": "tier2@provider.example"') == 3
    assert "contoso incident " in run.output
    assert "SecurityIncident.ReadWrite.All" in run.waiting()["wingtip"]["reason"]
    seen = emulator.control("GET", "requests")["requests"]
    assert not [request for request in seen if request["method"] == "PATCH" and "/incidents" in request["path"]]

    done = fleet.playbook("mssp.defender.triage")
    assert done.code == 0, done.output
    assert len(done.table("Triage changed")) == 7
    again = fleet.playbook("mssp.defender.triage")
    assert again.table("Triage changed nothing")[1:] == []
    assert sum(again.recap(host)["changed"] for host in fleet.customers) == 0, again.output


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ([{"name": "a", "match": {"colour": "red"}, "set": {}}], "rule 'a': match.colour is not a key"),
        (
            [
                {
                    "name": "a",
                    "match": {"severity": "High"},
                    "set": {"classification": "FalsePositive", "determination": "Malware"},
                }
            ],
            "rule 'a': set.determination 'Malware' does not go with classification 'FalsePositive'",
        ),
        ([{"name": "a", "match": {"title": "("}, "set": {}}], "rule 'a': match.title '(' is not a regular expression"),
    ],
    ids=["unknown key", "illegal pair", "bad expression"],
)
def test_rules_are_refused_before_any_call(
    fleet: Ansible, emulator: EmulatorProcess, rules: list[dict[str, Any]], sentence: str
) -> None:
    (fleet.place / "rules.yml").write_text(json.dumps(rules))
    run = fleet.playbook("mssp.defender.triage")
    assert run.code == 2, run.output
    assert sentence in run.output
    assert emulator.control("GET", "requests")["requests"] == []


def test_a_file_of_rules_that_is_not_there_is_named(fleet: Ansible) -> None:
    run = fleet.playbook("mssp.defender.triage", "-e", "partner_access_triage_rules=nowhere/rules.yml")
    assert run.code == 2, run.output
    told = "cannot be read (No such file or directory): check its path and mode"
    sentence = f"partner_access_triage_rules: {fleet.place}/nowhere/rules.yml {told}"
    message = run.entry("Triage each customer's incidents")["result"]["msg"]
    assert message == f"for all {len(fleet.customers)} customers: {sentence}"


def test_rules_that_are_wrong_for_one_fleet_stop_no_other(fleet: Ansible) -> None:
    (fleet.place / "broken.yml").write_text("- {name: a")
    fleet.customers["contoso"]["partner_access_triage_rules"] = "broken.yml"
    run = fleet.playbook("mssp.defender.triage")
    assert len(run.table("Triage changed")) == 5
    assert "broken.yml is no YAML" in run.waiting()["contoso"]["reason"]
