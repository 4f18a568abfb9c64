# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks as an operator runs them, by FQCN with an inventory of customers."""

from __future__ import annotations

import csv
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import Ansible, Run
from support.emulated_tenants import answer_consent_page

from ansible_collections.mssp.defender.plugins.filter.consent_redirect import consent_redirect

LUCERNE = "99999999-9999-4999-8999-999999999999"
STATES = {"contoso": "granted", "fabrikam": "not_consented", "tailspin": "blocked", "lucerne": "unknown_tenant"}


@pytest.fixture
def mixed(ansible: Ansible, consent: Callable[..., None]) -> Ansible:
    """Four customers, each in a state of its own."""
    emulator = ansible.emulator
    consent("contoso", "tailspin")
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('tailspin')}", {"app_enabled": False})
    ansible.customers = {
        **{
            name: {"partner_access_tenant_id": emulator.tenant_id(name)} for name in ("contoso", "fabrikam", "tailspin")
        },
        "lucerne": {"partner_access_tenant_id": LUCERNE},
    }
    ansible.variables["partner_access_links_directory"] = str(ansible.place / "links")
    return ansible


def _with_outcomes(ansible: Ansible, playbook: str) -> str:
    """Write a playbook that runs another one and then shows the outcome of every host."""
    show = {
        "name": "Show",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Outcomes",
                "ansible.builtin.debug": {
                    "msg": f"{{{{ hostvars['{next(iter(ansible.customers))}'].partner_access_result.tenants }}}}"
                },
            }
        ],
    }
    path = ansible.place / "with_outcomes.yml"
    path.write_text(json.dumps([{"name": "Run", "import_playbook": playbook}, show]))
    return str(path)


def _outcomes(run: Run) -> dict[str, Any]:
    return {tenant["name"]: tenant for tenant in run.result("Outcomes")["msg"]}


@pytest.mark.parametrize("playbook", ["verify", "incidents", "onboard"])
def test_each_customer_ends_in_its_own_outcome(mixed: Ansible, playbook: str) -> None:
    """A failing customer does not stop the others; by default the run fails for what the provider must fix.

    The table comes last and names all.
    """
    run = mixed.playbook(_with_outcomes(mixed, f"mssp.defender.{playbook}"))
    assert run.code == 2, run.output
    outcomes = _outcomes(run)
    assert {host: outcome["state"] for host, outcome in outcomes.items()} == STATES
    assert outcomes["fabrikam"]["code"] == "AADSTS7000229"
    assert outcomes["fabrikam"]["who"] == "customer admin"
    assert {host: run.recap(host)["failed"] for host in STATES} == {
        "contoso": 0,
        "fabrikam": 0,
        "tailspin": 0,
        "lucerne": 1,
    }

    assert run.states(STATES) == STATES
    assert list(run.waiting()) == ["lucerne", "fabrikam", "tailspin"], "the provider's own comes first"
    after = run.output.partition(run.table("Customers: ")[-1])[2].partition("PLAY [Show]")[0]
    assert "TASK [" not in after, "the table comes last"
    assert "fatal:" not in after


def test_playbooks_that_follow_go_on_without_the_one_that_failed(mixed: Ansible) -> None:
    both = mixed.place / "both.yml"
    names = ("mssp.defender.verify", "mssp.defender.incidents")
    both.write_text(json.dumps([{"name": name, "import_playbook": name} for name in names]))
    run = mixed.playbook(str(both))
    assert run.code == 2, run.output
    assert [row.split()[0] for row in run.table("Incidents written")[1:]] == ["contoso"]
    assert run.output.count("Customers: ") == 2
    assert {host for host in STATES if run.recap(host)["failed"]} == {"lucerne"}
    assert run.states(STATES) == {**STATES, "lucerne": "not reached"}


def test_where_all_fail_the_table_is_there(mixed: Ansible) -> None:
    run = mixed.playbook("mssp.defender.verify", AZURE_CLIENT_SECRET="wrong")
    assert run.code == 2, run.output
    assert run.states(STATES)["contoso"] == "bad_credential"


@pytest.mark.parametrize(
    ("fail_on", "failed"),
    [([], set()), (["not_consented"], {"fabrikam"}), (["blocked", "unknown_tenant"], {"tailspin", "lucerne"})],
)
def test_fail_on_chooses_who_fails(mixed: Ansible, fail_on: list[str], failed: set[str]) -> None:
    run = mixed.playbook("mssp.defender.verify", "-e", json.dumps({"partner_access_fail_on": fail_on}))
    assert run.code == (2 if failed else 0), run.output
    assert set(run.result("Prove each customer's consent")["failing"]) == failed
    # one fails for all
    assert [host for host in STATES if run.recap(host)["failed"]] == [host for host in STATES if host in failed][:1]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-e", "partner_access_client_id="], "partner_access_client_id"),
        (["-e", "partner_access_authority_url=http://localhost:1"], "https"),
    ],
    ids=["no application", "http"],
)
def test_a_fault_that_all_share_is_told_once(
    mixed: Ansible, arguments: list[str], named: str, count_requests: Callable[[str], int]
) -> None:
    run = mixed.playbook("mssp.defender.verify", *arguments)
    assert run.code == 2
    assert named in run.entry("Prove each customer's consent")["result"]["msg"]
    assert run.entry("Prove each customer's consent")["result"]["msg"].startswith("for all 4 customers: ")
    assert "Customers: " not in run.output
    assert count_requests("/") == 0
    assert "Traceback" not in run.output


def test_without_a_credential_that_is_told_once(mixed: Ansible) -> None:
    run = mixed.playbook("mssp.defender.verify", AZURE_CLIENT_SECRET=None)
    assert run.code == 2
    message = run.entry("Prove each customer's consent")["result"]["msg"]
    assert message.startswith("for all 4 customers: ")
    assert "AZURE_CLIENT_SECRET) is not set: set it on the group of your customers" in message


def test_second_run_changes_nothing(mixed: Ansible, tmp_path: Path) -> None:
    extra = {
        "partner_access_cache": str(tmp_path / "cache"),
        "partner_access_state_key": "a long and random key of a test",
        "partner_access_fail_on": [],
    }
    for playbook in ("onboard", "verify", "incidents"):
        runs = [mixed.playbook(f"mssp.defender.{playbook}", "-e", json.dumps(extra)) for _unused in range(2)]
        assert [run.code for run in runs] == [0, 0], runs[-1].output
        assert sum(runs[1].recap(host)["changed"] for host in STATES) == 0, runs[1].output


def test_check_mode_writes_nothing(mixed: Ansible) -> None:
    """Also where the folders are yet to be made."""
    extra = json.dumps({"partner_access_fail_on": []})
    for playbook in ("onboard", "verify", "incidents"):
        run = mixed.playbook(f"mssp.defender.{playbook}", "--check", "-e", extra)
        assert run.code == 0, run.output
        assert run.states(STATES) == STATES
    assert [path.name for path in mixed.place.iterdir()] == ["inventory.json"]


def test_incidents_are_kept_and_each_run_adds_what_is_new(mixed: Ansible) -> None:
    """By default in the directory that the run was started in, where only its owner can read them."""
    emulator, tenant = mixed.emulator, mixed.emulator.tenant_id("contoso")
    extra = ["-e", json.dumps({"partner_access_fail_on": []})]
    first = mixed.playbook("mssp.defender.incidents", *extra)
    assert first.code == 0, first.output
    folder = mixed.place / "incidents"
    kept = folder / "contoso.jsonl"
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoints", "contoso.jsonl"]
    folders = [Path(path) for path, _folders, _files in os.walk(folder)]
    assert len(folders) == 2
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    lines = kept.read_text().splitlines()
    redirected = sum(json.loads(line)["status"] == "redirected" for line in lines)
    severities = Counter(json.loads(line)["normalized"]["severity"] for line in lines)
    assert _written(first) == {
        "customer": "contoso",
        "new": str(len(lines)),
        **{severity.lower(): str(count) for severity, count in severities.items()},
        "redirected": str(redirected),
    }
    assert f"Incidents written: {len(lines)}, to {folder}\n" in first.output
    assert len({json.loads(line)["id"] for line in lines}) == len(lines) > 3

    changed = next(json.loads(line)["id"] for line in lines if json.loads(line)["status"] == "active")
    emulator.control("PATCH", f"tenants/{tenant}/incidents/{changed}", {"status": "InProgress"})
    second = mixed.playbook("mssp.defender.incidents", *extra)
    assert _written(second)["new"] == "1"
    added = kept.read_text().splitlines()[len(lines) :]
    assert [(json.loads(line)["id"], json.loads(line)["status"]) for line in added] == [(changed, "inProgress")]

    third = mixed.playbook("mssp.defender.incidents", *extra)
    assert _written(third) == {"customer": "contoso", "new": "0"}
    assert third.recap("contoso")["changed"] == 0


def _written(run: Run) -> dict[str, str]:
    """What was written for the one customer: the columns that say something, where nothing is quarantined."""
    title, row = run.table("Incidents written")
    return dict(zip(title.split(), row.split(), strict=True))


def test_the_first_run_begins_with_what_is_to_be_filled_in(mixed: Ansible) -> None:
    tenant = mixed.emulator.tenant_id("contoso")
    mixed.emulator.control("PATCH", f"tenants/{tenant}", {"incident_count": 0})
    days = {day: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - day * 86400)) for day in (1, 20, 40)}
    made = [{"createdTime": moment, "lastUpdateTime": moment} for moment in days.values()]
    new, older, old = mixed.emulator.control("POST", f"tenants/{tenant}/incidents", {"incidents": made})["ids"]
    for backfill, expected in (("30d", {new, older}), ("10d", {new}), ("all", {new, older, old})):
        folder = mixed.place / backfill
        extra = {"partner_access_incidents_dest": str(folder), "partner_access_incidents_backfill": backfill}
        mixed.playbook("mssp.defender.incidents", "-e", json.dumps(extra))
        lines = (folder / "contoso.jsonl").read_text().splitlines()
        assert {int(json.loads(line)["id"]) for line in lines} == expected


def test_a_poison_incident_is_named_and_the_others_are_written(mixed: Ansible, fault: Callable[..., None]) -> None:
    """Redirected ones are told too."""
    mixed.variables |= {"partner_access_incidents_normalize": True, "partner_access_api": "graph"}
    tenant = mixed.emulator.tenant_id("contoso")
    mixed.emulator.control("PATCH", f"tenants/{tenant}", {"incident_count": 0})
    path = f"tenants/{tenant}/incidents"
    good, bad = mixed.emulator.control("POST", path, {"incidents": [{}, {}]})["ids"]
    (merged,) = mixed.emulator.control("POST", path, {"incidents": [{"redirectIncidentId": good}]})["ids"]
    fault("poison", "contoso", incident_id=bad)
    run = mixed.playbook("mssp.defender.incidents", "-e", json.dumps({"partner_access_fail_on": []}))
    title, row = run.table("Incidents written")
    assert title.split() == ["customer", "new", "medium", "informational", "redirected", "quarantined"]
    assert row.split()[:5] == ["contoso", "2", "1", "1", "1"]
    assert "(500)" in row
    lines = [json.loads(line) for line in (mixed.place / "incidents" / "contoso.jsonl").read_text().splitlines()]
    assert {line["id"] for line in lines} == {str(good), str(merged)}
    assert all(line["normalized"] for line in lines)


def test_an_age_for_every_run_does_not_go_with_checkpoints(mixed: Ansible) -> None:
    """A run that looks at the last day only would leave out what came before, for good."""
    run = mixed.playbook("mssp.defender.incidents", "-e", "partner_access_incidents_updated_after=24h")
    assert run.code == 2
    message = run.entry("Read each customer's incidents")["result"]["msg"]
    assert "updated_after" in message
    assert "checkpoint" in message


def test_from_link_to_proof(mixed: Ansible) -> None:
    """Onboard, mail the links, let two administrators answer, verify."""
    emulator = mixed.emulator
    key = "a long and random key of a test"
    arguments = ["-e", json.dumps({"partner_access_state_key": key, "partner_access_fail_on": []})]
    onboarded = mixed.playbook("mssp.defender.onboard", *arguments)
    assert onboarded.code == 0, onboarded.output

    folder = Path(mixed.variables["partner_access_links_directory"])
    with (folder / "consent_links.csv").open(newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert list(rows) == list(STATES)
    letter = (folder / "consent_links.md").read_text()
    assert {name: row["state"] for name, row in rows.items()} == STATES
    assert {name: row["needs_mail"] for name, row in rows.items() if row["needs_mail"] != "no"} == {"fabrikam": "yes"}
    assert [line for line in letter.splitlines() if line.startswith("## ")] == ["## fabrikam"]
    assert f"<{rows['fabrikam']['url']}>" in letter
    asked = "Microsoft Graph: SecurityIncident.Read.All, SecurityAlert.Read.All, ThreatHunting.Read.All"
    assert {row["permissions"] for row in rows.values()} == {asked}
    assert f"Permissions: {asked}" in letter
    assert "Role of the administrator: Privileged Role Administrator" in letter
    assert emulator.client_id in letter
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}

    accepted = answer_consent_page(rows["fabrikam"]["url"], emulator.ca_path, "accept")
    declined = answer_consent_page(rows["tailspin"]["url"], emulator.ca_path, "cancel")
    assert consent_redirect(accepted, key)["state_tenant_id"] == emulator.tenant_id("fabrikam")
    assert consent_redirect(declined, key)["declined"]

    verified = mixed.playbook(_with_outcomes(mixed, "mssp.defender.verify"), *arguments)
    states = {host: outcome["state"] for host, outcome in _outcomes(verified).items()}
    assert states == {**STATES, "fabrikam": "granted"}


def test_incidents_are_shown_and_counted(mixed: Ansible) -> None:
    """Where none are to be kept."""
    extra = {"partner_access_incidents_dest": "", "partner_access_incidents_shown": 2, "partner_access_fail_on": []}
    run = mixed.playbook(_with_outcomes(mixed, "mssp.defender.incidents"), "-e", json.dumps(extra))
    assert run.code == 0, run.output
    rows = run.table("Newest incidents")[1:]
    assert [row.split()[0] for row in rows] == ["contoso", "contoso"]
    assert _outcomes(run)["contoso"]["count"] > 2
    assert not (mixed.place / "incidents").exists()


def test_two_applications_in_one_inventory(mixed: Ansible) -> None:
    """Customers of one application with a certificate, of another with a secret; each gets its own link."""
    other = "11111111-1111-1111-1111-111111111111"
    alpha, beta = ["contoso", "fabrikam"], ["tailspin"]
    certificate = {
        "partner_access_client_secret": "",
        "partner_access_certificate_path": mixed.emulator.connection["certificate_path"],
    }
    mixed.customers = {
        **{name: {**mixed.customers[name], **certificate} for name in alpha},
        **{name: {**mixed.customers[name], "partner_access_client_id": other} for name in beta},
    }
    run = mixed.playbook(_with_outcomes(mixed, "mssp.defender.onboard"))
    assert run.code == 0, run.output
    outcomes = _outcomes(run)
    assert {host: (outcome["state"], outcome.get("code")) for host, outcome in outcomes.items()} == {
        "contoso": ("granted", None),
        "fabrikam": ("not_consented", "AADSTS7000229"),
        "tailspin": ("not_consented", "AADSTS700016"),
    }
    with (Path(mixed.variables["partner_access_links_directory"]) / "consent_links.csv").open(newline="") as stream:
        links = {row["name"]: row["url"] for row in csv.DictReader(stream)}
    assert all(mixed.emulator.client_id in links[name] for name in alpha)
    assert all(other in links[name] for name in beta)
    asked = mixed.emulator.control("GET", "requests")["requests"]
    proven = {r["tenant"]: r["credential"] for r in asked if r["path"].endswith("/token")}
    assert proven[mixed.emulator.tenant_id("contoso")] == "client_assertion"


def test_one_api_alone_takes_the_lesser_role(mixed: Ansible, count_requests: Callable[[str], int]) -> None:
    mixed.variables["partner_access_apis"] = ["xdr"]
    run = mixed.playbook("mssp.defender.onboard")
    assert run.states(STATES) == STATES
    assert count_requests("/token") == len(STATES)
    letter = (Path(mixed.variables["partner_access_links_directory"]) / "consent_links.md").read_text()
    assert "Role of the administrator: Cloud Application Administrator or Application Administrator" in letter
    assert "SecurityIncident" not in letter


def test_one_consent_opens_both_apis(mixed: Ansible, consent: Callable[..., None]) -> None:
    """Who consented to the one that ends is partial until the link is opened again; to stay there takes one setting."""
    consent("contoso", roles=["Incident.Read.All"])
    before = mixed.playbook("mssp.defender.onboard", "-e", "target=contoso")
    contoso = before.waiting()["contoso"]
    assert contoso["state"] == "partial"
    assert "SecurityIncident.Read.All" in contoso["reason"]
    kept = mixed.playbook("mssp.defender.verify", "-e", "target=contoso", "-e", "partner_access_api=xdr")
    assert kept.states(["contoso"]) == {"contoso": "granted"}

    with (Path(mixed.variables["partner_access_links_directory"]) / "consent_links.csv").open(newline="") as stream:
        (link,) = csv.DictReader(stream)
    answer_consent_page(link["url"], mixed.emulator.ca_path, "accept")
    after = mixed.playbook("mssp.defender.verify", "-e", "target=contoso")
    assert after.states(["contoso"]) == {"contoso": "granted"}
    counts = []
    for api in ("xdr", "graph", "graph"):
        read = mixed.playbook("mssp.defender.incidents", "-e", "target=contoso", "-e", f"partner_access_api={api}")
        assert read.code == 0, read.output
        counts.append(read.table("Incidents written")[1].split()[1])
    assert counts == [counts[0], "0", "0"], "the other API goes on where the first one stood"


def test_a_misspelt_api_is_no_smaller_request(mixed: Ansible) -> None:
    run = mixed.playbook("mssp.defender.verify", "-e", json.dumps({"partner_access_apis": ["xdr", "grpah"]}))
    assert run.code == 2
    assert "name graph, xdr or both" in run.entry("Prove each customer's consent")["result"]["msg"]


def test_target_and_limit_choose_the_customers(mixed: Ansible) -> None:
    targeted = mixed.playbook("mssp.defender.verify", "-e", "target=contoso")
    assert targeted.code == 0, targeted.output
    assert targeted.states(["contoso"]) == {"contoso": "granted"}
    limited = mixed.playbook("mssp.defender.verify", "--limit", "contoso,fabrikam")
    assert limited.code == 0, limited.output
    assert limited.states(["contoso", "fabrikam"]) == {"contoso": "granted", "fabrikam": "not_consented"}


@pytest.mark.parametrize("forks", ["1", "20"])
def test_token_requests_do_not_depend_on_forks(
    mixed: Ansible, count_requests: Callable[[str], int], forks: str
) -> None:
    """One for each customer, as long as they are asked for one API."""
    mixed.playbook("mssp.defender.verify", "--forks", forks)
    assert count_requests("/token") == len(STATES)


def test_links_lie_where_the_run_was_started(mixed: Ansible) -> None:
    """Also where no shell set PWD, as under a service manager."""
    del mixed.variables["partner_access_links_directory"]
    run = mixed.playbook("mssp.defender.onboard", "--check", "-e", "target=contoso", PWD=None)
    assert run.code == 0, run.output
    folder = run.result("Make the folder of the links")
    assert str(mixed.place / "consent-links") in str(folder)
