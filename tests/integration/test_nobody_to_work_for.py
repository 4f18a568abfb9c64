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
        "which has 3 hosts and the groups customers, workers"
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
