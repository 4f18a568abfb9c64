# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Defender XDR API ends in the middle of polling, and Microsoft Graph goes on where it stood."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ansible_runs import Ansible
from support.emulated_tenants import IncidentDesk
from support.emulator import EmulatorProcess
from support.event_driven import Event, Source, take, until
from support.operations import Tasks

XDR_ONLY = ["Incident.Read.All"]
ENDED = {"xdr_ends_at": "2026-01-01T00:00:00Z"}


@pytest.fixture
def customers(ansible: Ansible, desk: IncidentDesk) -> Ansible:
    """Two customers: contoso consented to both APIs, fabrikam to the one that ends."""
    desk.open("fabrikam", XDR_ONLY)
    names = ("contoso", "fabrikam")
    ansible.customers = {name: {"partner_access_tenant_id": ansible.emulator.tenant_id(name)} for name in names}
    ansible.variables |= {
        "partner_access_incidents_dest": str(ansible.place / "incidents"),
        "partner_access_redirect_uri": "https://localhost/consent-result",
    }
    return ansible


def read_of(customers: Ansible, name: str) -> dict[str, list[tuple[str, str]]]:
    """Return the versions of incidents in each file of a customer: what is in one file has one shape."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(Path(customers.variables["partner_access_incidents_dest"]).glob(f"{name}.jsonl*")):
        records = [json.loads(line) for line in path.read_text().splitlines()]
        assert len({"incidentId" in record for record in records}) == 1, path
        found[path.name] = [(record["normalized"]["id"], record["normalized"]["updated"]) for record in records]
    return found


def test_playbooks_go_on_by_the_other_api(customers: Ansible, desk: IncidentDesk) -> None:
    old = {name: desk.put(name, *[{"alert_count": 2}] * 5) for name in customers.customers}
    run = customers.playbook("mssp.defender.incidents", "-e", "partner_access_api=xdr")
    assert run.code == 0, run.output
    # older cores break warnings into lines
    told = " ".join(run.output.split())
    assert told.count("Microsoft ends the Defender XDR API on 2027-02-01 (Message Center MC1220762)") == 1

    # in mid-flight: what came since the last run of the old API, and what changes
    new = {name: desk.put(name, {}, {}) for name in customers.customers}
    for name, ids in old.items():
        desk.change(name, ids[0], status="Resolved")
    customers.emulator.control("PATCH", "application", ENDED)
    ended = customers.playbook("mssp.defender.incidents", "-e", "partner_access_api=xdr")
    assert "no longer serves this endpoint (HTTP 410)" in ended.output

    dry = customers.playbook("mssp.defender.incidents", "--check")
    rows = {row.split()[0]: row for row in dry.table("Incidents that would be written")[1:]}
    assert list(rows) == ["contoso"]
    assert rows["contoso"].split()[1] == "3"
    assert rows["contoso"].split()[-2] == "xdr"
    assert rows["contoso"].endswith("contoso.jsonl.xdr")
    (first,) = dry.blocks("These customers have to consent first")
    assert first[""] == "fabrikam"
    assert "graph.microsoft.com%2F.default" in str(first)
    assert dry.states(["contoso", "fabrikam"]) == {"contoso": "granted", "fabrikam": "partial"}
    assert list(read_of(customers, "contoso")) == ["contoso.jsonl"]

    desk_roles = [*XDR_ONLY, "SecurityIncident.Read.All", "SecurityAlert.Read.All", "ThreatHunting.Read.All"]
    path = f"tenants/{customers.emulator.tenant_id('fabrikam')}/consent"
    customers.emulator.control("POST", path, {"roles": desk_roles})
    assert customers.playbook("mssp.defender.incidents").code == 0
    for name in customers.customers:
        files = read_of(customers, name)
        assert [len(versions) for versions in files.values()] == [3, 5]
        versions = Counter(version for each in files.values() for version in each)
        assert {identity for identity, _updated in versions} == {*old[name], *new[name]}
        assert (len(versions), max(versions.values())) == (8, 1), "five, one of them changed, and two: each once"
    again = customers.playbook("mssp.defender.incidents")
    assert [row.split()[:2] for row in again.table("Incidents written")[1:]] == [["contoso", "0"], ["fabrikam", "0"]]


def test_who_consented_to_the_old_api_alone_is_partial_and_told_how_to_go_on(customers: Ansible) -> None:
    run = customers.playbook("mssp.defender.verify")
    fabrikam = run.waiting()["fabrikam"]
    assert fabrikam["state"] == "partial"
    assert "open the consent link again" in fabrikam["what to do"]
    assert "MC1220762" not in run.output, "nobody used the old API"
    run = customers.playbook("mssp.defender.verify", "-e", "partner_access_api=xdr")
    assert set(run.states(["contoso", "fabrikam"]).values()) == {"granted"}
    assert run.output.count("MC1220762") == 1


def test_the_event_source_goes_on_by_the_other_api(
    emulator: EmulatorProcess, desk: IncidentDesk, tmp_path: Path, count_requests: Callable[[str], int]
) -> None:
    source = Source(emulator, tmp_path / "checkpoint", "contoso")

    def named(events: list[Event]) -> list[str]:
        return [event["incident"]["normalized"]["id"] for event in events]

    async def scenario() -> None:
        before: asyncio.Queue[Event] = asyncio.Queue()
        after: asyncio.Queue[Event] = asyncio.Queue()
        old = desk.put("contoso", *[{}] * 3)
        async with source.polling(before, normalize=True):
            assert sorted(named(await take(before, 3))) == old
            emulator.control("PATCH", "application", ENDED)
            new = desk.put("contoso", {}, {})
            (change,) = await take(before, 1)
            assert (change["customer_state"]["state"], "410" in change["customer_state"]["meaning"]) == ("error", True)
        async with source.polling(after, api="graph", normalize=True):
            found = await take(after, 3)
            polled = count_requests("GET /v1.0/security/incidents")
            await until(lambda: count_requests("GET /v1.0/security/incidents") >= polled + 3)
            assert after.empty()
        assert sorted(named([event for event in found if "incident" in event])) == sorted(new)
        assert {event["api"] for event in found if "incident" in event} == {"graph"}

    asyncio.run(scenario())


def test_the_consent_link_of_a_newcomer_asks_for_microsoft_graph(customers: Ansible) -> None:
    run = customers.playbook("mssp.defender.onboard", "-e", f"partner_access_links_directory={customers.place}/links")
    assert run.code == 0, run.output
    links: str = (customers.place / "links" / "consent_links.csv").read_text()
    assert ("graph.microsoft.com%2F.default" in links, "api.security.microsoft.com" in links) == (True, False)


def test_alerts_and_the_common_shape_come_by_themselves(tasks: Tasks, desk: IncidentDesk) -> None:
    desk.put("contoso", *[{"alert_count": 2}] * 3)
    for api in ("graph", "xdr"):
        read = tasks.incidents(
            tenants=[{"name": "contoso", "tenant_id": "contoso.example"}], api=api, alerts=None, normalize=None
        )
        records = read["tenants"][0]["incidents"]
        assert len(records) == 3
        assert all(record["alerts"] and record["normalized"]["alerts"] for record in records)


@pytest.mark.parametrize("api", ["graph", "xdr"])
def test_a_tenant_that_has_neither_api_says_so(
    tasks: Tasks, emulator: EmulatorProcess, desk: IncidentDesk, api: str
) -> None:
    tenant = desk.open("contoso")
    emulator.control("PATCH", f"tenants/{tenant}", {"licensed": False, "service_present": False})
    result = tasks.incidents(tenant_id=tenant, api=api)
    assert (result["state"], result["who"]) == ("no_service", "customer admin")
    assert "Microsoft Defender XDR" in result["remedy"]
