# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks as an operator runs them, by FQCN with an inventory of customers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.ansible_process import Ansible, Run
from integration.browser import answer_consent_page

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
                    "msg": {
                        host: f"{{{{ hostvars['{host}'].partner_access_outcomes['{host}'] | default('none') }}}}"
                        for host in ansible.customers
                    }
                },
            }
        ],
    }
    path = ansible.place / "with_outcomes.yml"
    path.write_text(json.dumps([{"name": "Run", "import_playbook": playbook}, show]))
    return str(path)


def _outcomes(run: Run) -> dict[str, Any]:
    outcomes: dict[str, Any] = run.result("Outcomes")["msg"]
    return outcomes


@pytest.mark.parametrize("playbook", ["verify", "incidents", "onboard"])
def test_each_customer_ends_in_its_own_outcome(mixed: Ansible, playbook: str) -> None:
    """A failing customer does not stop the others; by default the run fails for what the provider must mend.

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

    table = run.table("Customers: ")
    assert table[0].split() == ["customer", "state", "reason", "who", "acts", "what", "to", "do"]
    rows = [line.split()[:2] for line in table[1:]]
    assert sorted(rows) == sorted([host, state] for host, state in STATES.items())
    assert rows[0][1] == "granted", "who waits for somebody stands last"
    after = run.output.partition(table[-1])[2].partition("PLAY [Show]")[0]
    assert "TASK [" not in after, "the table comes last"
    assert "fatal:" not in after


def test_playbooks_that_follow_go_on_without_those_that_failed(mixed: Ansible) -> None:
    both = mixed.place / "both.yml"
    names = ("mssp.defender.verify", "mssp.defender.incidents")
    both.write_text(json.dumps([{"name": name, "import_playbook": name} for name in names]))
    run = mixed.playbook(str(both))
    assert run.code == 2, run.output
    assert [row.split()[0] for row in run.table("Newest incidents")[1:]] == ["contoso"] * 3
    assert run.output.count("Customers: ") == 2
    assert {host for host in STATES if run.recap(host)["failed"]} == {"lucerne"}
    rows = {line.split()[0]: line for line in run.table("Customers: ")[1:]}
    assert "not reached" in rows["lucerne"]


def test_where_all_fail_the_table_is_there(mixed: Ansible) -> None:
    run = mixed.playbook("mssp.defender.verify", AZURE_CLIENT_SECRET="wrong")
    assert run.code == 2, run.output
    rows = [line.split()[:2] for line in run.table("Customers: ")[1:]]
    assert ["contoso", "bad_credential"] in rows
    assert len(rows) == len(STATES)


@pytest.mark.parametrize(
    ("fail_on", "failed"),
    [([], set()), (["not_consented"], {"fabrikam"}), (["blocked", "unknown_tenant"], {"tailspin", "lucerne"})],
)
def test_fail_on_chooses_who_fails(mixed: Ansible, fail_on: list[str], failed: set[str]) -> None:
    run = mixed.playbook("mssp.defender.verify", "-e", json.dumps({"partner_access_fail_on": fail_on}))
    assert run.code == (2 if failed else 0), run.output
    assert {host for host in STATES if run.recap(host)["failed"]} == failed


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-e", "partner_access_client_id="], "partner_access_client_id"),
        (["-e", "partner_access_authority_url=http://localhost:1"], "https"),
    ],
    ids=["no application", "http"],
)
def test_table_is_complete_whatever_failed_before(mixed: Ansible, arguments: list[str], named: str) -> None:
    run = mixed.playbook("mssp.defender.verify", *arguments)
    assert run.code == 2
    assert named in run.output
    assert [line.split()[0] for line in run.table("Customers: ")[1:]] == list(STATES)
    assert "Traceback" not in run.output


def test_table_is_complete_without_a_credential(mixed: Ansible) -> None:
    run = mixed.playbook("mssp.defender.verify", AZURE_CLIENT_SECRET=None)
    assert run.code == 2
    assert "client_secret (AZURE_CLIENT_SECRET)" in run.output
    assert [line.split()[:2] for line in run.table("Customers: ")[1:]] == [[host, "error"] for host in STATES]


def test_second_run_changes_nothing(mixed: Ansible, tmp_path: Path) -> None:
    kept = tmp_path / "incidents"
    kept.mkdir()
    extra = {
        "partner_access_incidents_dest": str(kept),
        "partner_access_cache": str(tmp_path / "cache"),
        "partner_access_state_key": "a long and random key of a test",
        "partner_access_fail_on": [],
    }
    for playbook in ("onboard", "verify", "incidents"):
        runs = [mixed.playbook(f"mssp.defender.{playbook}", "-e", json.dumps(extra)) for _unused in range(2)]
        assert [run.code for run in runs] == [0, 0], runs[-1].output
        assert sum(runs[1].recap(host)["changed"] for host in STATES) == 0, runs[1].output
    assert sorted(path.name for path in kept.iterdir()) == ["contoso.jsonl"]


def test_check_mode_writes_nothing(mixed: Ansible, tmp_path: Path) -> None:
    kept = tmp_path / "incidents"
    kept.mkdir()
    extra = json.dumps({"partner_access_incidents_dest": str(kept), "partner_access_fail_on": []})
    for playbook in ("onboard", "verify", "incidents"):
        run = mixed.playbook(f"mssp.defender.{playbook}", "--check", "-e", extra)
        assert run.code == 0, run.output
        assert run.table("Customers: ")[1:]
    assert list(kept.iterdir()) == []
    assert not Path(mixed.variables["partner_access_links_directory"]).exists()


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
    for name, row in rows.items():
        assert f"## {name}" in letter
        assert f"<{row['url']}>" in letter
    assert "Incident.Read.All" in letter
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
    extra = json.dumps({"partner_access_incidents_shown": 2, "partner_access_fail_on": []})
    run = mixed.playbook(_with_outcomes(mixed, "mssp.defender.incidents"), "-e", extra)
    assert run.code == 0, run.output
    rows = run.table("Newest incidents")[1:]
    assert [row.split()[0] for row in rows] == ["contoso", "contoso"]
    assert _outcomes(run)["contoso"]["count"] > 2


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


def test_target_and_limit_choose_the_customers(mixed: Ansible) -> None:
    targeted = mixed.playbook("mssp.defender.verify", "-e", "target=contoso")
    assert targeted.code == 0, targeted.output
    assert [line.split()[0] for line in targeted.table("Customers: ")[1:]] == ["contoso"]
    limited = mixed.playbook("mssp.defender.verify", "--limit", "contoso,fabrikam")
    assert limited.code == 0, limited.output
    assert [line.split()[0] for line in limited.table("Customers: ")[1:]] == ["contoso", "fabrikam"]


@pytest.mark.parametrize("forks", ["1", "20"])
def test_token_requests_do_not_depend_on_forks(
    mixed: Ansible, count_requests: Callable[[str], int], forks: str
) -> None:
    mixed.playbook("mssp.defender.verify", "--forks", forks)
    assert count_requests("/token") == len(STATES)


def test_links_lie_where_the_run_was_started(mixed: Ansible) -> None:
    """Also where no shell set PWD, as under a service manager."""
    del mixed.variables["partner_access_links_directory"]
    run = mixed.playbook("mssp.defender.onboard", "--check", "-e", "target=contoso", PWD=None)
    assert run.code == 0, run.output
    folder = run.result("Make the folder of the links")
    assert str(mixed.place / "consent-links") in str(folder)
