# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of consent links: who needs a mail, and what becomes of customers who are not of the run."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ansible_runs import Ansible, Run
from support.emulated_tenants import answer_consent_page

pytestmark = pytest.mark.slow

STATES = {"contoso": "granted", "fabrikam": "not_consented", "tailspin": "not_consented", "broken": "unknown_tenant"}


@pytest.fixture
def customers(ansible: Ansible, consent: Callable[..., None]) -> Ansible:
    """One who has consented, two who have not, and one who can have no link."""
    consent("contoso")
    ansible.customers = {
        "contoso": {"partner_access_tenant_id": "contoso.example", "partner_access_language": "fr"},
        "fabrikam": {"partner_access_tenant_id": "fabrikam.example", "partner_access_display_name": "=SOC"},
        "tailspin": {"partner_access_tenant_id": "tailspin.example"},
        "broken": {"partner_access_tenant_id": "not a tenant"},
    }
    ansible.variables["partner_access_links_directory"] = str(ansible.place / "links")
    return ansible


def _onboard(customers: Ansible, *arguments: str) -> Run:
    return customers.playbook("mssp.defender.onboard", *arguments)


def _file(customers: Ansible, suffix: str) -> Path:
    return customers.place / "links" / f"consent_links.{suffix}"


def _rows(customers: Ansible) -> dict[str, dict[str, str]]:
    with _file(customers, "csv").open(newline="") as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def _sections(customers: Ansible) -> list[str]:
    return [line[3:] for line in _file(customers, "md").read_text().splitlines() if line.startswith("## ")]


def _accept(customers: Ansible, name: str) -> None:
    answer_consent_page(_rows(customers)[name]["url"], customers.emulator.ca_path, "accept")


def _written(run: Run) -> list[bool]:
    return [item["changed"] for item in run.result("Write the links for mailing")["results"]]


def test_each_row_says_where_the_customer_stands_and_who_needs_a_mail(customers: Ansible) -> None:
    _onboard(customers)
    rows = _rows(customers)
    assert {name: row["state"] for name, row in rows.items()} == STATES
    assert {name: row["needs_mail"] for name, row in rows.items()} == {
        **dict.fromkeys(STATES, "no"),
        "fabrikam": "yes",
        "tailspin": "yes",
    }
    assert _sections(customers) == ["fabrikam", "tailspin"]
    assert {name: row["language"] for name, row in rows.items()} == {**dict.fromkeys(STATES, "en"), "contoso": "fr"}
    assert rows["fabrikam"]["application"] == "'=SOC"
    assert rows["tailspin"]["application"] == ""
    assert "- Application: =SOC\n" in _file(customers, "md").read_text()
    assert {row["administrator_role"] for row in rows.values()} == {"Privileged Role Administrator"}
    assert {row["application_id"] for row in rows.values()} == {customers.emulator.client_id}
    assert (rows["broken"]["url"], "'not a tenant'" in rows["broken"]["msg"]) == ("", True)


def test_a_second_run_changes_neither_file(customers: Ansible) -> None:
    assert _written(_onboard(customers)) == [True, True]
    assert _written(_onboard(customers)) == [False, False]
    assert _written(_onboard(customers, "--limit", "contoso,tailspin")) == [False, False]
    assert _written(_onboard(customers, "--check")) == [False, False]


def test_a_limit_replaces_its_own_customers_alone(customers: Ansible) -> None:
    _onboard(customers, "--limit", "tailspin")
    assert list(_rows(customers)) == ["tailspin"]
    _onboard(customers, "--limit", "fabrikam")
    before = _rows(customers)
    assert (list(before), _sections(customers)) == (["fabrikam", "tailspin"], ["fabrikam", "tailspin"])

    _accept(customers, "tailspin")
    planned = _onboard(customers, "--limit", "tailspin", "--check", "--diff")
    assert '"tailspin.example","granted","no"' in planned.output
    assert _rows(customers) == before
    _onboard(customers, "--limit", "tailspin")
    assert _rows(customers) == {
        "fabrikam": before["fabrikam"],
        "tailspin": {**before["tailspin"], "state": "granted", "needs_mail": "no"},
    }
    assert _sections(customers) == ["fabrikam"]


def test_where_all_have_consented_the_letter_says_so(customers: Ansible) -> None:
    _onboard(customers, "--limit", "contoso")
    assert _sections(customers) == []
    assert _file(customers, "md").read_text().endswith("\nNo customer needs a mail.\n")


def test_who_left_the_inventory_leaves_the_files(customers: Ansible) -> None:
    _onboard(customers)
    del customers.customers["tailspin"]
    _onboard(customers, "--limit", "contoso")
    assert list(_rows(customers)) == ["contoso", "fabrikam", "broken"]
    assert _sections(customers) == ["fabrikam"]


def test_a_file_of_other_columns_is_gone_on_with(customers: Ansible) -> None:
    _file(customers, "csv").parent.mkdir()
    _file(customers, "csv").write_text(
        '"name","tenant_id","url"\n"fabrikam","fabrikam.example","https://localhost/a"\n'
    )
    run = _onboard(customers, "--limit", "tailspin")
    assert run.code == 0, run.output
    rows = _rows(customers)
    assert (list(rows), rows["fabrikam"]["url"]) == (["fabrikam", "tailspin"], "https://localhost/a")
    assert _sections(customers) == ["tailspin"]


def test_a_file_that_cannot_be_gone_on_with_stays(customers: Ansible) -> None:
    _file(customers, "csv").parent.mkdir()
    _file(customers, "csv").write_text("customer;link\nfabrikam;https://localhost/a\n")
    run = _onboard(customers, "--limit", "tailspin")
    assert run.code == 2
    assert "has no column 'name'" in run.output
    assert _file(customers, "csv").read_text().startswith("customer;link")


def test_batches_fill_one_file(customers: Ansible) -> None:
    play = customers.place / "batches.yml"
    play.write_text(
        "- hosts: customers\n  gather_facts: false\n  serial: 1\n  tasks:\n"
        "    - ansible.builtin.import_role:\n        name: mssp.defender.partner_access\n"
    )
    run = customers.playbook(str(play))
    assert run.code == 0, run.output
    assert list(_rows(customers)) == list(STATES)
    assert _sections(customers) == ["fabrikam", "tailspin"]
