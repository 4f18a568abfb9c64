# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to run the module that changes incidents: for a host, delegated, for many tenants, in check mode."""

from __future__ import annotations

import pytest
from support.ansible_runs import Ansible
from support.emulated_tenants import IncidentDesk
from support.emulator import EmulatorProcess


@pytest.fixture
def desk(desk: IncidentDesk) -> IncidentDesk:
    for name in ("contoso", "fabrikam"):
        desk.put(name, {"incidentId": 7, "status": "Active", "assignedTo": None, "tags": [], "comments": []})
    return desk


def test_a_customers_host_says_which_tenant(ansible: Ansible, desk: IncidentDesk) -> None:
    """In process on the controller, and as a real module on another host, which finds nothing left to change."""
    play = ansible.play(
        """
        - name: In process
          mssp.defender.defender_incident: &change
            incident_id: 7
            assigned_to: "soc@{{ inventory_hostname }}.example"
            tags: {add: [mine]}
        - name: Delegated
          mssp.defender.defender_incident: *change
          delegate_to: worker
        """
    )
    planned = ansible.playbook(play, "--check", "--diff")
    assert planned.code == 0, planned.output
    assert {host: planned.recap(host)["changed"] for host in ansible.customers} == {"contoso": 2, "fabrikam": 2}
    assert '+    "assigned_to": "soc@contoso.example"' in planned.output
    assert f"--- before: {ansible.emulator.tenant_id('contoso')} incident 7" in planned.output
    assert desk.see("contoso", "7")["assignedTo"] is None
    run = ansible.playbook(play)
    assert run.code == 0, run.output
    for host in ansible.customers:
        assert desk.see(host, "7")["assignedTo"] == f"soc@{host}.example"
        assert (run.result("In process", host)["changed"], run.result("Delegated", host)["changed"]) == (True, False)


def test_one_task_changes_incidents_of_many_tenants(ansible: Ansible, desk: IncidentDesk) -> None:
    play = ansible.play(
        """
        - name: Fleet
          mssp.defender.defender_incident:
            incidents:
              - {name: contoso, tenant_id: contoso.example, incident_id: "7", status: Resolved}
              - {name: fabrikam, tenant_id: fabrikam.example, incident_id: "7"}
              - {name: fabrikam, tenant_id: fabrikam.example, incident_id: "8"}
              - {name: lucerne, tenant_id: lucerne.example, incident_id: "7"}
            status: InProgress
          run_once: true
        - name: Strict
          mssp.defender.defender_incident:
            incidents:
              - {name: fabrikam, tenant_id: fabrikam.example, incident_id: "8"}
            status: InProgress
            fail_on: [error]
          run_once: true
          ignore_errors: true
        """
    )
    run = ansible.playbook(play)
    assert run.code == 0, run.output
    fleet = run.result("Fleet")
    assert [desk.see(name, "7")["status"] for name in ("contoso", "fabrikam")] == ["Resolved", "InProgress"]
    assert fleet["summary"] == {"error": 1, "granted": 1, "unknown_tenant": 1}
    fabrikam = next(outcome for outcome in fleet["tenants"] if outcome["name"] == "fabrikam")
    assert [incident["result"] for incident in fabrikam["incidents"]] == ["changed", "not_found"]
    assert run.result("Strict")["msg"].startswith(
        "fabrikam (fabrikam.example) is error: incident 8 is not in this tenant"
    )


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("status: Closed", "value of status must be one of: Active, InProgress, Resolved, got: Closed"),
        (
            "{classification: FalsePositive, determination: Malware}",
            "it is one of Clean, NoEnoughDataToValidate, Other",
        ),
        ("incidents: []", "parameters are mutually exclusive: incident_id|incidents"),
    ],
    ids=["unknown status", "illegal pair", "one and many"],
)
def test_bad_input_is_named_with_what_is_legal(
    ansible: Ansible, emulator: EmulatorProcess, option: str, sentence: str
) -> None:
    options = option.strip("{}").replace(", ", "\n    ")
    play = ansible.play(f"- name: Change\n  mssp.defender.defender_incident:\n    incident_id: 7\n    {options}\n")
    run = ansible.playbook(play)
    assert run.code == 2
    assert sentence in run.result("Change", "contoso")["msg"]
    assert emulator.control("GET", "requests")["requests"] == []
