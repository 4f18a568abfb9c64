# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alerts by themselves, from Microsoft Graph: as whole and as incremental as incidents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.emulated_tenants import IncidentDesk
from support.emulator import EmulatorProcess
from support.operations import Tasks

PATH = "/v1.0/security/alerts_v2"
ROLES = ["SecurityAlert.Read.All", "SecurityIncident.Read.All"]


@pytest.fixture
def contoso(emulator: EmulatorProcess) -> str:
    """A tenant with more alerts than `$skip` reaches."""
    emulator.control("PATCH", "application", {"quota_per_minute": None})
    desk = IncidentDesk(emulator)
    tenant_id = desk.open("contoso", ROLES)
    times = (f"2026-11-{1 + number % 20:02}T09:00:{number:02}Z" for number in range(60))
    desk.put("contoso", *({"lastUpdateTime": moment, "alert_count": 12} for moment in times))
    return tenant_id


def _ids(result: dict[str, Any]) -> list[str]:
    assert result["state"] == "granted", result["msg"]
    return [alert["id"] for alert in result["alerts"]]


def test_all_are_read_beyond_what_skip_reaches(tasks: Tasks, emulator: EmulatorProcess, contoso: str) -> None:
    """Microsoft Graph refuses `$skip` above 500, and here are 720."""
    ids = _ids(tasks.alerts(tenant_id=contoso))
    assert len(ids) == len(set(ids)) == 720
    listed = [one for one in emulator.control("GET", "requests")["requests"] if one["path"] == PATH]
    assert {one["status"] for one in listed} == {200}


def test_only_news_are_handed_out(tasks: Tasks, emulator: EmulatorProcess, contoso: str, tmp_path: Path) -> None:
    options = {"tenant_id": contoso, "checkpoint": tmp_path / "mark", "dest": tmp_path / "kept.jsonl", "backfill": ""}
    assert tasks.alerts(**options)["count"] == 720
    assert tasks.alerts(**options)["count"] == 0
    emulator.control("POST", "faults", {"kind": "churn", "tenant": contoso, "path": PATH, "times": 1, "count": 3})
    tasks.alerts(tenant_id=contoso, newest=0)
    assert tasks.alerts(**options)["count"] == 3
    lines = [json.loads(line) for line in options["dest"].read_text().splitlines()]
    assert len(lines) == 723
    assert len({line["id"] for line in lines[:720]}) == 720


def test_what_is_changed_between_two_pages_is_not_missed(
    tasks: Tasks, contoso: str, fault: Callable[..., None]
) -> None:
    fault("churn", tenant="contoso", path=PATH, times=5, count=7)
    assert len(set(_ids(tasks.alerts(tenant_id=contoso)))) == 720


@pytest.mark.parametrize(
    ("options", "field", "values", "local"),
    [
        ({"severity": ["High"]}, "severity", {"high"}, []),
        ({"severity": ["High", "Low"]}, "severity", {"high", "low"}, ["severity"]),
        ({"status": ["New"]}, "status", {"new"}, []),
        ({"status": ["InProgress", "Resolved"]}, "status", {"inProgress", "resolved"}, ["status"]),
    ],
)
def test_filters_choose_exactly_what_was_asked_for(
    tasks: Tasks,
    emulator: EmulatorProcess,
    contoso: str,
    options: dict[str, Any],
    field: str,
    values: set[str],
    local: list[str],
) -> None:
    emulator.control("PATCH", f"tenants/{contoso}", {"incident_count": 100})
    everything = tasks.alerts(tenant_id=contoso)["alerts"]
    wanted = {alert["id"] for alert in everything if alert[field] in values}
    assert 0 < len(wanted) < len(everything), "the filter must tell alerts apart"
    result = tasks.alerts(tenant_id=contoso, **options)
    assert (set(_ids(result)), result["filtered_locally"]) == (wanted, local)


def test_the_common_shape_names_the_products_that_incidents_name(tasks: Tasks, contoso: str) -> None:
    options = {"tenant_id": contoso, "normalize": True}
    alerts = [one["normalized"] for one in tasks.alerts(**options)["alerts"]]
    incidents = [
        one["normalized"] for one in tasks.incidents(**options, api="graph", alerts=True, paced=False)["incidents"]
    ]
    assert list(alerts[0]) == list(incidents[0])
    sources = {source for incident in incidents for source in incident["service_sources"]}
    assert sources
    assert {source for alert in alerts for source in alert["service_sources"]} == sources


def test_the_role_it_takes_is_named(tasks: Tasks, emulator: EmulatorProcess) -> None:
    tenant_id = IncidentDesk(emulator).open("contoso", ["SecurityIncident.Read.All"])
    result = tasks.alerts(tenant_id=tenant_id)
    assert (result["state"], result["who"]) == ("partial", "customer admin")
    assert "SecurityAlert.Read.All" in result["msg"]


def test_in_a_play_delegated_and_async_agree(ansible: Ansible) -> None:
    desk = IncidentDesk(ansible.emulator)
    desk.open("contoso", ROLES)
    desk.put("contoso", {"alert_count": 3})
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    play = ansible.play(
        """
        - name: In process
          mssp.defender.defender_alerts: &alerts
            normalize: true
        - name: Delegated
          mssp.defender.defender_alerts: *alerts
          delegate_to: worker
        - name: Background
          mssp.defender.defender_alerts: *alerts
          async: 60
          poll: 1
          vars:
            ansible_connection: local
            ansible_python_interpreter: "{{ ansible_playbook_python }}"
        """
    )
    run = ansible.playbook(play)
    assert run.code == 0, run.output
    found = [run.result(task)["alerts"] for task in ("In process", "Delegated", "Background")]
    assert len(found[0]) == 3
    assert found[0] == found[1] == found[2]
