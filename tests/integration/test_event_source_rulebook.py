# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulebook of the collection, as it stands, in the real ansible-rulebook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.emulated_tenants import IncidentDesk
from support.emulator import EmulatorProcess
from support.event_driven import Rulebook

pytestmark = pytest.mark.slow

RULEBOOK = "mssp.defender.incidents"
CUSTOMERS = ("contoso", "fabrikam")


@pytest.fixture
def desk(emulator: EmulatorProcess, desk: IncidentDesk) -> IncidentDesk:
    """A token is too short-lived to be kept, so that a lost consent shows at once."""
    emulator.control("PATCH", "application", {"token_lifetime": 60})
    return desk


@pytest.fixture
def rulebook(ansible: Ansible) -> Rulebook:
    rulebook = Rulebook(ansible)
    lines = [f"{name},{ansible.emulator.tenant_id(name)}" for name in CUSTOMERS]
    (rulebook.place / "customers.csv").write_text("\n".join(["name,tenant_id", *lines]) + "\n")
    (rulebook.place / "tickets").mkdir()
    return rulebook


@pytest.fixture
def variables(rulebook: Rulebook) -> dict[str, Any]:
    hosts = ("authority_url", "xdr_url", "graph_url", "ca_path")
    return {
        "customers": "customers.csv",
        "checkpoint": str(rulebook.checkpoint),
        "tickets": str(rulebook.place / "tickets"),
        "notices": str(rulebook.place / "notices"),
        "interval": 1,
        **{option: rulebook.source[option] for option in hosts},
    }


def tickets(rulebook: Rulebook) -> dict[str, dict[str, Any]]:
    """Name of each ticket to what is in it."""
    return {path.stem: json.loads(path.read_text()) for path in (rulebook.place / "tickets").iterdir()}


def comments(desk: IncidentDesk, tenant: str, incident_id: str) -> list[str]:
    return [one["comment"] for one in desk.see(tenant, incident_id)["comments"]]


def test_a_high_incident_becomes_a_ticket_and_a_lost_consent_a_notice(
    rulebook: Rulebook, desk: IncidentDesk, emulator: EmulatorProcess, variables: dict[str, Any]
) -> None:
    notices = Path(variables["notices"])
    harmful = "{{ lookup('ansible.builtin.pipe', 'touch harm') }}"
    with rulebook.running(RULEBOOK, **variables):
        rulebook.wait_for(lambda: len(list(rulebook.checkpoint.glob("*.checkpoint"))) == len(CUSTOMERS))
        desk.put("contoso", {"severity": "Low"})
        (high,) = desk.put("contoso", {"severity": "High", "status": "Active", "incidentName": harmful})
        rulebook.wait_for(lambda: comments(desk, "contoso", high))
        emulator.control("DELETE", f"tenants/{emulator.tenant_id('fabrikam')}/consent")
        rulebook.wait_for(lambda: notices.exists() and "not_consented" in notices.read_text())

    assert list(tickets(rulebook)) == [f"contoso-{high}"]
    assert tickets(rulebook)[f"contoso-{high}"]["title"] == "{ { lookup('ansible.builtin.pipe', 'touch harm') }}"
    assert list(rulebook.place.rglob("harm")) == []
    (comment,) = comments(desk, "contoso", high)
    assert comment.startswith(f"Ticket contoso-{high} has been opened.")
    (notice,) = notices.read_text().splitlines()
    assert "fabrikam" in notice
    assert "customer admin: open the consent link and accept it" in notice


def test_over_a_restart_a_rule_fires_once_for_each_incident(
    rulebook: Rulebook, desk: IncidentDesk, fault: Callable[..., None]
) -> None:
    """And another customer, who is throttled all the time, costs none. `meta.hosts` is the customer of each."""
    rule = {
        "name": "Say so",
        "condition": "event.incident.id is defined",
        "action": {"debug": {"msg": "fired {{ event.meta.hosts }} {{ event.incident.id }}."}},
    }
    names = [{"name": name, "tenant_id": rulebook.tenant_id(name)} for name in CUSTOMERS]
    sources = [{"mssp.defender.incidents": {**rulebook.source, "tenants": names}}]
    path = rulebook.place / "rulebook.yml"
    path.write_text(json.dumps([{"name": "Test", "hosts": "all", "sources": sources, "rules": [rule]}]))
    fault("throttle", tenant="fabrikam", retry_after=100)

    (first,) = desk.put("contoso", {})
    with rulebook.running(str(path)):
        rulebook.wait_for(lambda: f"fired contoso {first}." in rulebook.output)
    meanwhile = desk.put("contoso", {}, {})
    with rulebook.running(str(path)):
        rulebook.wait_for(lambda: all(f"fired contoso {one}." in rulebook.output for one in meanwhile))
        (last,) = desk.put("contoso", {})
        rulebook.wait_for(lambda: f"fired contoso {last}." in rulebook.output)

    fired = re.findall(r"fired (\w+) (\d+)\.", rulebook.output)
    assert sorted(fired) == sorted(("contoso", one) for one in [first, *meanwhile, last])
    assert "Traceback" not in rulebook.output


def test_a_wrong_option_ends_it_with_a_sentence_and_no_secret(rulebook: Rulebook) -> None:
    options = {**rulebook.source, "intervall": 5, "client_secret": "canary-secret"}
    path = rulebook.place / "rulebook.yml"
    rule = {"name": "None", "condition": True, "action": {"none": {}}}
    sources = [{"mssp.defender.incidents": options}]
    path.write_text(json.dumps([{"name": "Test", "hosts": "all", "sources": sources, "rules": [rule]}]))
    with rulebook.running(str(path)) as process:
        assert process.wait(60) == 1
    assert "there is no option intervall: choose from " in rulebook.output
    assert "canary-secret" not in rulebook.output
    assert "Traceback" not in rulebook.output
