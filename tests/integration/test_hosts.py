# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One task for the customers of a play, each with what its own host's variables say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ansible_runs import Ansible, Run

OTHER = "11111111-1111-1111-1111-111111111111"
READ = """
- name: Read
  mssp.defender.defender_incidents:
    hosts: "{{ ansible_play_hosts }}"
  run_once: true
"""


def _shown(ansible: Ansible, run: Run) -> list[list[str]]:
    """The customers in each report of customers, which with -v names all."""
    reports = [text.partition("ok: [")[0] for text in run.output.split("\nCustomers: ")[1:]]
    return [[name for name in ansible.customers if re.search(rf"\b{name}\b", report)] for report in reports]


def test_variables_are_those_that_a_task_on_the_host_would_see(
    ansible: Ansible, consent: Callable[..., None], tmp_path: Path
) -> None:
    """Templates of the inventory, of the play and of group_vars are those of each host, and the play's win."""
    consent("contoso", "fabrikam", "tailspin")
    secret = ansible.emulator.client_secret
    secrets = {"contoso": secret, "fabrikam": "wrong", "tailspin": secret}
    ansible.customers = {name: {"partner_access_tenant_id": "{{ inventory_hostname }}.example"} for name in secrets}
    ansible.customers["tailspin"]["partner_access_incidents_dest"] = "{{ undefined_here | default(own) }}"
    ansible.customers["tailspin"]["own"] = str(tmp_path / "tailspin")
    play = ansible.play(
        READ, vars={"partner_access_client_secret": "{{ secrets[inventory_hostname] }}", "secrets": secrets}
    )
    folder = Path(play).parent / "group_vars"
    folder.mkdir()
    (folder / "customers.yml").write_text(
        f"partner_access_incidents_dest: {tmp_path}/all{{{{ inventory_hostname[:0] }}}}"
    )
    run = ansible.playbook(play, AZURE_CLIENT_SECRET=None)
    assert run.code == 0, run.output
    tenants = run.result("Read")["tenants"]
    assert [(tenant["name"], tenant["state"]) for tenant in tenants] == [
        ("contoso", "granted"),
        ("fabrikam", "bad_credential"),
        ("tailspin", "granted"),
    ]
    assert tenants[0]["dest"] == f"{tmp_path}/all/contoso.jsonl"
    assert tenants[2]["dest"] == f"{tmp_path}/tailspin/tailspin.jsonl"
    assert secret not in run.output


def test_what_the_task_says_wins_and_its_result_is_one(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso")
    ansible.customers["fabrikam"]["partner_access_client_id"] = "no GUID"
    ansible.customers["contoso"]["partner_access_fail_on"] = ["not_consented"]
    run = ansible.playbook(ansible.play(READ.replace("    hosts", "    newest: 1\n    hosts")))
    assert run.code == 2
    result = run.result("Read")
    contoso, fabrikam = result["tenants"]
    assert len(contoso["incidents"]) == 1 < contoso["count"]
    assert (fabrikam["state"], fabrikam["who"]) == ("error", "provider")
    assert result["summary"] == {"error": 1, "granted": 1}
    assert result["failing"] == {"fabrikam": fabrikam["msg"]}
    assert result["msg"] == fabrikam["msg"]


def test_every_host_would_work_for_all_without_run_once(ansible: Ansible) -> None:
    run = ansible.playbook(ansible.play(READ.replace("  run_once: true\n", "")))
    assert run.code == 2
    assert "hosts works for all of them in one task: set run_once: true on it" in run.output


def test_a_host_that_the_inventory_does_not_have_fails_alone(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    play = ansible.play(READ.replace("{{ ansible_play_hosts }}", "{{ ansible_play_hosts + ['nobody'] }}"))
    result = ansible.playbook(play).result("Read")
    assert result["summary"] == {"error": 1, "granted": 2}
    assert "the inventory has no host 'nobody'" in result["msg"]


@pytest.mark.parametrize(("granted", "lacking"), [(["xdr", "graph"], ""), (["xdr"], "SecurityIncident.Read.All")])
def test_a_token_for_each_api_proves_what_a_customer_is_asked_for(
    ansible: Ansible, consent: Callable[..., None], granted: list[str], lacking: str
) -> None:
    asked = {"xdr": ["Incident.Read.All"], "graph": ["SecurityIncident.Read.All"]}
    consent("contoso", roles=[role for api in granted for role in asked[api]])
    ansible.variables["partner_access_permissions"] = asked
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    play = ansible.play("- {name: Prove, mssp.defender.defender_token: {hosts: [contoso]}, run_once: true}")
    (contoso,) = ansible.playbook(play).result("Prove")["tenants"]
    if lacking:
        assert contoso["state"] in ("partial", "not_consented")
        assert lacking in contoso["msg"]
    else:
        assert (contoso["state"], contoso["roles"]) == ("granted", ["Incident.Read.All", "SecurityIncident.Read.All"])


@pytest.mark.parametrize(
    ("template", "reason"), [("{{ nowhere_defined }}", "nowhere_defined"), ("{{ 1 / 0 }}", "division by zero")]
)
def test_a_host_that_cannot_be_templated_costs_only_itself(
    ansible: Ansible, consent: Callable[..., None], template: str, reason: str
) -> None:
    consent("contoso")
    ansible.customers["fabrikam"]["partner_access_cloud"] = template
    run = ansible.playbook("mssp.defender.verify")
    assert run.code == 2, run.output
    assert run.states(["contoso", "fabrikam"]) == {"contoso": "granted", "fabrikam": "error"}
    assert reason in run.waiting()["fabrikam"]["reason"]
    assert run.waiting()["fabrikam"]["what to do"] == "correct the inventory"
    assert {name: run.recap(name)["failed"] for name in ansible.customers} == {"contoso": 0, "fabrikam": 1}
    assert "Traceback" not in run.output


@pytest.mark.parametrize("keyword", [{"async": 30, "poll": 1}, {"delegate_to": "worker"}])
def test_hosts_are_grouped_by_ansible_itself(ansible: Ansible, keyword: dict[str, object]) -> None:
    task = {"name": "Read", "mssp.defender.defender_incidents": {"hosts": ["contoso"]}, "run_once": True, **keyword}
    task["vars"] = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    run = ansible.playbook(ansible.play(json.dumps([task])))
    assert run.code == 2
    assert "hosts needs the inventory: leave out async and delegate_to" in run.output


def test_customers_with_other_settings_are_read_by_them(
    ansible: Ansible, consent: Callable[..., None], tmp_path: Path
) -> None:
    """One application, but incidents of one customer in a folder, and at most two of the other."""
    consent("contoso", "fabrikam")
    folder = tmp_path / "incidents"
    ansible.customers["contoso"]["partner_access_incidents_dest"] = str(folder)
    ansible.customers["fabrikam"] |= {"partner_access_incidents_dest": "", "partner_access_incidents_limit": 2}
    run = ansible.playbook("mssp.defender.incidents")
    assert run.code == 0, run.output
    assert [path.name for path in folder.glob("*.jsonl")] == ["contoso.jsonl"]
    assert len((folder / "contoso.jsonl").read_text().splitlines()) > 2
    assert [row.split()[0] for row in run.table("Newest incidents")[1:]] == ["fabrikam", "fabrikam"]
    assert [row.split()[0] for row in run.table("Incidents written")[1:]] == ["contoso"]


def test_a_folder_that_cannot_be_made_stops_only_who_should_be_written_there(
    ansible: Ansible, consent: Callable[..., None], tmp_path: Path
) -> None:
    consent("contoso", "fabrikam")
    file = tmp_path / "file"
    file.write_text("no folder")
    ansible.customers["contoso"]["partner_access_incidents_dest"] = str(file / "incidents")
    run = ansible.playbook("mssp.defender.incidents")
    assert run.code == 2, run.output
    assert run.states(["contoso", "fabrikam"]) == {"contoso": "error", "fabrikam": "granted"}
    assert str(file / "incidents") in run.waiting()["contoso"]["reason"]
    assert [row.split()[0] for row in run.table("Incidents written")[1:]] == ["fabrikam"]


@pytest.mark.parametrize(("playbook", "most"), [("verify", 8), ("incidents", 11)])
def test_the_engine_has_no_more_to_do_for_more_customers(
    ansible: Ansible, consent: Callable[..., None], playbook: str, most: int
) -> None:
    """A task for each host would cost more than the work itself."""
    consent("contoso", "fabrikam")
    tasks = {}
    for number in (2, 12):
        tenants = [ansible.emulator.tenant_id(("contoso", "fabrikam")[index % 2]) for index in range(number)]
        ansible.customers = {f"c{index}": {"partner_access_tenant_id": one} for index, one in enumerate(tenants)}
        run = ansible.playbook(f"mssp.defender.{playbook}")
        assert run.code == 0, run.output
        assert f"Customers: {number} granted\n" in run.output
        tasks[number] = [entry["task"] for entry in run.entries]
        assert {entry["status"] for entry in run.entries} == {"ok"}, "nothing is skipped"
    assert tasks[2] == tasks[12]
    assert len(set(tasks[2])) <= most


@pytest.mark.parametrize(
    ("playbook", "bad"),
    [
        ("incidents", {"partner_access_cloud": "moon"}),
        ("verify", {"partner_access_permissions": ["Incident.Read.All"]}),
    ],
)
def test_the_first_customer_is_no_more_than_the_others(
    ansible: Ansible, consent: Callable[..., None], playbook: str, bad: dict[str, object]
) -> None:
    """Tasks run on it for all, but what is wrong with it is its own trouble."""
    consent("contoso", "fabrikam")
    ansible.customers["contoso"] |= bad
    run = ansible.playbook(f"mssp.defender.{playbook}")
    assert run.code == 2, run.output
    assert run.states(["contoso", "fabrikam"]) == {"contoso": "error", "fabrikam": "granted"}
    assert {name: run.recap(name)["failed"] for name in ansible.customers} == {"contoso": 1, "fabrikam": 0}


def test_a_setting_that_names_no_state_fails_all(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    run = ansible.playbook("mssp.defender.verify", "-e", json.dumps({"partner_access_fail_on": ["unreachible"]}))
    assert run.code == 2, run.output
    assert "unreachible" in run.output
    assert {name: run.recap(name)["failed"] for name in ansible.customers} == {"contoso": 1, "fabrikam": 0}
    assert run.entry("Prove each customer's consent")["result"]["msg"].startswith("for all 2 customers: ")


def test_playbooks_for_other_customers_in_one_run_keep_to_their_own(
    ansible: Ansible, consent: Callable[..., None]
) -> None:
    consent("contoso", "fabrikam")
    unknown = "99999999-9999-4999-8999-999999999999"
    ansible.customers["lucerne"] = {"partner_access_tenant_id": unknown}
    ansible.customers["tailspin"] = {"partner_access_tenant_id": unknown.replace("9999-4", "8888-4")}
    both = ansible.place / "both.yml"
    targets = ("contoso:lucerne", "fabrikam:tailspin", "contoso:fabrikam")
    imports = [{"import_playbook": "mssp.defender.verify", "vars": {"target": target}} for target in targets]
    both.write_text(json.dumps(imports))
    run = ansible.playbook(str(both), "-v")
    assert run.code == 2, run.output
    assert _shown(ansible, run) == [["contoso", "lucerne"], ["fabrikam", "tailspin"], ["contoso", "fabrikam"]]
    failed = {name for name in ansible.customers if run.recap(name)["failed"]}
    assert failed == {"lucerne", "tailspin"}


def test_a_play_in_batches_works_for_each_batch(
    ansible: Ansible, consent: Callable[..., None], count_requests: Callable[[str], int]
) -> None:
    consent("contoso", "fabrikam")
    ansible.customers |= {f"more-{index}": ansible.customers["contoso"] for index in range(2)}
    role = {"name": "mssp.defender.partner_access", "rolespec_validate": False}
    tasks = [{"ansible.builtin.import_role": role | {"tasks_from": entry}} for entry in ("incidents", "report")]
    run = ansible.playbook(ansible.play(json.dumps(tasks), serial=2), "-v")
    assert run.code == 0, run.output
    # a page of each, and what lies behind it; fabrikam has more than a page, and what came since is asked for too
    assert count_requests("/v1.0/security/incidents") == 9
    assert _shown(ansible, run) == [["contoso", "fabrikam"], ["more-0", "more-1"]]


def test_another_strategy_is_left_to_other_plays(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    run = ansible.playbook("mssp.defender.verify", ANSIBLE_STRATEGY="free")
    assert run.code == 0, run.output
    assert run.states(["contoso", "fabrikam"]) == {"contoso": "granted", "fabrikam": "granted"}


def test_the_name_of_a_customer_that_fails_is_no_pattern(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    ansible.customers["Zürich, AG"] = {"partner_access_tenant_id": "99999999-9999-4999-8999-999999999999"}
    run = ansible.playbook("mssp.defender.verify")
    assert run.code == 2, run.output
    assert {name: run.recap(name)["failed"] for name in ansible.customers} == {
        "contoso": 0,
        "fabrikam": 0,
        "Zürich, AG": 1,
    }


def test_lookups_of_the_role_around_find_its_files(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    role = ansible.place / "roles" / "soc"
    entry = {"name": "mssp.defender.partner_access", "tasks_from": "verify"}
    for path, content in {
        "files/secret.txt": ansible.emulator.client_secret,
        "vars/main.yml": "partner_access_client_secret: \"{{ lookup('ansible.builtin.file', 'secret.txt') }}\"",
        "tasks/main.yml": json.dumps([{"ansible.builtin.include_role": entry}]),
    }.items():
        (role / path).parent.mkdir(parents=True)
        (role / path).write_text(content)
    tasks = [
        {"ansible.builtin.include_role": {"name": "soc"}},
        {"name": "Outcomes", "ansible.builtin.debug": {"var": "partner_access_result.tenants"}, "run_once": True},
    ]
    run = ansible.playbook(ansible.play(json.dumps(tasks)), AZURE_CLIENT_SECRET=None)
    tenants = run.result("Outcomes")["partner_access_result.tenants"]
    assert [tenant["state"] for tenant in tenants] == ["granted", "granted"]
