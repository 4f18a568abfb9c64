# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that finds no customer fails with one sentence, unless it may: Ansible by itself would end well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from support.ansible_runs import Ansible

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "no host of the inventory matches "
MAY_BE_EMPTY = ("-e", "partner_access_may_be_empty=true")
PLAYBOOKS = [path for path in (ROOT / "playbooks").glob("[!_]*.yml") if "default('customers'" in path.read_text()]


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_every_playbook_for_customers_begins_by_checking_that_there_are_some(playbook: Path) -> None:
    assert yaml.safe_load(playbook.read_text())[0]["ansible.builtin.import_playbook"] == "_check_customers.yml"


def test_a_misspelt_target_is_no_success(ansible: Ansible) -> None:
    run = ansible.playbook("mssp.defender.verify", "-e", "target=contosso")
    assert run.code == 2, run.output
    assert run.result("Check that there are customers to work for")["msg"] == (
        f"{NOBODY}'contosso', so there is nobody to work for: correct the target, the limit or the inventory, "
        "which has 3 hosts and the groups customers, workers; did you mean contoso instead of contosso?"
    )


@pytest.mark.parametrize("empty", [{}, {"customers": {"hosts": {}}}], ids=["no group", "empty group"])
@pytest.mark.parametrize("limit", [[], ["--limit", "contoso"]], ids=["whole", "limit"])
def test_an_empty_inventory_is_no_success_unless_it_may_be_empty(
    ansible: Ansible, empty: dict[str, object], limit: list[str]
) -> None:
    inventory = ansible.place / "empty.json"
    inventory.write_text(json.dumps({"all": {"children": empty}}))
    command = ["ansible-playbook", "-i", str(inventory), "mssp.defender.verify", *limit]
    run = ansible.run(command, {})
    assert run.code != 0
    assert f"{NOBODY}'customers'" in " ".join(run.output.split())
    assert "which has 0 hosts" in " ".join(run.output.split())
    assert ansible.run([*command, *MAY_BE_EMPTY], {}).code == 0


def test_a_limit_that_leaves_no_customer_is_no_success_unless_it_may(ansible: Ansible) -> None:
    run = ansible.playbook("mssp.defender.verify", "--limit", "worker")
    assert run.code == 2, run.output
    assert (
        f"{NOBODY}'customers' within the limit 'worker'"
        in run.result("Check that there are customers to work for")["msg"]
    )
    assert ansible.playbook("mssp.defender.verify", "--limit", "worker", *MAY_BE_EMPTY).code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-e", "target=customers:!contoso"], ["fabrikam"]),
        (["-e", '{"target": ["contoso", "nobody"]}'], ["contoso"]),
        (["-e", "target="], ["contoso", "fabrikam"]),
    ],
    ids=["pattern", "list", "nothing"],
)
def test_whoever_is_left_is_worked_for(ansible: Ansible, arguments: list[str], expected: list[str]) -> None:
    run = ansible.playbook("mssp.defender.verify", *arguments)
    assert run.code == 0, run.output
    assert list(run.waiting()) == expected


def test_a_localhost_in_the_inventory_is_no_customer(ansible: Ansible) -> None:
    inventory = ansible.place / "localhost.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"localhost": {"ansible_connection": "local"}}}}))
    run = ansible.run(["ansible-playbook", "-i", str(inventory), "mssp.defender.verify"], {})
    assert run.code == 2
    assert f"{NOBODY}'customers'" in run.result("Check that there are customers to work for")["msg"]


UNREADABLE = "the inventory cannot be read as a whole, and nobody has been worked for: "
TABS = "line 3 begins with a tab, and YAML allows blanks only"
NAMING = (
    "it configures mssp.defender.customers, and such a file's name must end in customers.yml or customers.yaml: "
    "rename it"
)
CONFIGURATION = "plugin: mssp.defender.customers\nfiles: [absent.csv]\n"
UNREAD = {
    "tab": ("hosts.yml", "customers:\n  hosts:\n\tcontoso:\n", TABS),
    "name": ("soc.yml", CONFIGURATION, NAMING),
    "list": ("customers.yml", CONFIGURATION, "absent.csv cannot be read"),
    "absent": ("nowhere.yml", None, "it does not exist"),
}


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another"])
@pytest.mark.parametrize("case", UNREAD)
def test_an_inventory_that_cannot_be_read_says_so_last(ansible: Ansible, case: str, beside: bool) -> None:
    """Beside one that can be read too, because its customers would be missing."""
    name, text, fault = UNREAD[case]
    path = ansible.place / name
    if text is not None:
        path.write_text(text)
    sources = ["-i", str(ansible.inventory())] if beside else []
    run = ansible.run(["ansible-playbook", *sources, "-i", str(path), "mssp.defender.verify", *MAY_BE_EMPTY], {})
    assert run.code == 2, run.output
    told = run.result("Check that there are customers to work for")["msg"]
    assert told.startswith(f"{UNREADABLE}{path}: "), told
    assert fault in told
    assert [entry["task"] for entry in run.entries] == ["Check that there are customers to work for"]
    assert fault in " ".join(run.output.split("TASK [")[-1].split())


def test_with_a_limit_too_an_inventory_says_why_it_is_empty(ansible: Ansible) -> None:
    path = ansible.place / "soc.yml"
    path.write_text(CONFIGURATION)
    run = ansible.run(["ansible-playbook", "-i", str(path), "mssp.defender.verify", "--limit", "contoso"], {})
    assert run.code != 0
    assert f"{UNREADABLE}{path}: {NAMING}" in " ".join(run.output.split())


def test_a_folder_of_inventories_is_looked_into_where_nobody_is_left(ansible: Ansible) -> None:
    folder = ansible.place / "inventories"
    folder.mkdir()
    (folder / "soc.yml").write_text(CONFIGURATION)
    run = ansible.run(["ansible-playbook", "-i", str(folder), "mssp.defender.verify"], {})
    assert run.code == 2, run.output
    told = run.result("Check that there are customers to work for")["msg"]
    assert told == f"{UNREADABLE}{folder}/soc.yml: {NAMING}"


def test_a_misspelt_limit_comes_with_the_name_that_was_meant(ansible: Ansible) -> None:
    run = ansible.playbook("mssp.defender.verify", "--limit", "contosso,worker")
    assert run.code == 2, run.output
    assert run.result("Check that there are customers to work for")["msg"].endswith(
        "; did you mean contoso instead of contosso?"
    )
