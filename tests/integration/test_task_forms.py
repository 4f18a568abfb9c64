# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to run a module: in a play, delegated, with async, for a fleet, with the task's environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.ansible_runs import Ansible

TOKEN_REQUEST = "/oauth2/v2.0/token"
# what differs between two answers, and what Ansible adds to a module's result
_VOLATILE = {"expires_at", "issued_at", "from_cache", "correlation_id", "trace_id", "invocation"}


def _stable(result: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in result.items()
        if name not in _VOLATILE and not name.startswith(("_", "ansible_"))
    }


def test_in_a_play_delegated_and_async_agree(ansible: Ansible, consent: Callable[..., None]) -> None:
    """In process on the controller, as a real module on another host, and as a real module in the background."""
    consent("contoso")
    play = ansible.play(
        """
        - name: In process
          mssp.defender.defender_token: &token
            tenant_id: "{{ partner_access_tenant_id }}"
          ignore_errors: true
        - name: Delegated
          mssp.defender.defender_token: *token
          delegate_to: worker
          ignore_errors: true
        - name: Background
          mssp.defender.defender_token: *token
          async: 60
          poll: 1
          vars: &interpreter
            ansible_connection: local
            ansible_python_interpreter: "{{ ansible_playbook_python }}"
          ignore_errors: true
        - name: Launch
          mssp.defender.defender_incidents:
            tenant_id: "{{ partner_access_tenant_id }}"
            limit: 2
          async: 60
          poll: 0
          vars: *interpreter
          register: launched
        - name: Collect
          ansible.builtin.async_status:
            jid: "{{ launched.ansible_job_id }}"
          vars: *interpreter
          register: collected
          until: collected is finished
          retries: 60
          delay: 1
          ignore_errors: true
        """
    )
    run = ansible.playbook(play)
    assert run.code == 0, run.output
    for customer, state in (("contoso", "granted"), ("fabrikam", "not_consented")):
        in_process = run.result("In process", customer)
        assert in_process["state"] == state
        assert _stable(run.result("Delegated", customer)) == _stable(in_process)
        background = run.result("Background", customer)
        assert {name: background.get(name) for name in _stable(in_process)} == _stable(in_process)
        assert run.result("Collect", customer)["state"] == state
    assert run.result("Collect", "contoso")["count"] == 2


def test_tasks_of_a_play_share_their_token(
    ansible: Ansible, consent: Callable[..., None], count_requests: Callable[[str], int]
) -> None:
    """Workers are processes of their own and die after each task; the run's directory joins them."""
    consent("contoso", "fabrikam")
    play = ansible.play(
        """
        - name: First
          mssp.defender.defender_token:
            tenant_id: "{{ partner_access_tenant_id }}"
        - name: Second
          mssp.defender.defender_token:
            tenant_id: "{{ partner_access_tenant_id }}"
        - name: Third
          mssp.defender.defender_incidents:
            tenant_id: "{{ partner_access_tenant_id }}"
        """
    )
    run = ansible.playbook(play)
    assert run.code == 0, run.output
    assert [run.result(task, "fabrikam")["from_cache"] for task in ("First", "Second")] == [False, True]
    assert count_requests(TOKEN_REQUEST) == 2


def test_options_win_over_defaults_and_defaults_over_the_inventory(
    ansible: Ansible, consent: Callable[..., None]
) -> None:
    """The three places an option can stand in, in process and for a real module."""
    consent("contoso")
    play = ansible.play(
        """
        - name: Inventory
          mssp.defender.defender_token:
          module_defaults: {group/mssp.defender.defender: {}}
        - name: Defaults
          mssp.defender.defender_token: &unset
          ignore_errors: true
        - name: Defaults delegated
          mssp.defender.defender_token: *unset
          delegate_to: worker
          ignore_errors: true
        - name: Options
          mssp.defender.defender_token:
            required_roles: [SecurityIncident.Read.All]
        """,
        module_defaults={"group/mssp.defender.defender": {"required_roles": ["SecurityIncident.ReadWrite.All"]}},
    )
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    ansible.variables["partner_access_required_roles"] = ["SecurityIncident.Read.All"]
    run = ansible.playbook(play)
    assert run.code == 0, run.output
    states = {task: run.result(task)["state"] for task in ("Inventory", "Defaults", "Defaults delegated", "Options")}
    assert states == {
        "Inventory": "granted",
        "Defaults": "partial",
        "Defaults delegated": "partial",
        "Options": "granted",
    }


def test_inventory_wins_over_the_environment_and_yields_to_the_task(
    ansible: Ansible, consent: Callable[..., None]
) -> None:
    """A task's own credential, or its own tenants, keep the inventory from adding another."""
    consent("contoso", "fabrikam")
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    ansible.variables["partner_access_client_secret"] = "a wrong secret"
    play = ansible.play(
        """
        - name: Inventory
          mssp.defender.defender_token:
          ignore_errors: true
        - name: Certificate
          mssp.defender.defender_token: &certificate
            certificate_path: "{{ certificate }}"
        - name: Delegated
          mssp.defender.defender_token: *certificate
          delegate_to: worker
        - name: Background
          mssp.defender.defender_token: *certificate
          async: 60
          poll: 1
          vars:
            ansible_connection: local
            ansible_python_interpreter: "{{ ansible_playbook_python }}"
        - name: Fleet
          mssp.defender.defender_token:
            tenants:
              - {name: fabrikam, tenant_id: fabrikam.example}
            certificate_path: "{{ certificate }}"
        """,
        vars={"certificate": ansible.emulator.connection["certificate_path"]},
    )
    another = "11111111-1111-1111-1111-111111111111"
    run = ansible.playbook(play, AZURE_CLIENT_ID=another, AZURE_CLIENT_SECRET=None)
    assert run.code == 0, run.output
    assert run.result("Inventory")["code"] == "AADSTS7000215", "its secret, and not the environment's application"
    assert [run.result(task)["state"] for task in ("Certificate", "Delegated", "Background")] == ["granted"] * 3
    assert [outcome["name"] for outcome in run.result("Fleet")["tenants"]] == ["fabrikam"]
    assert run.result("Fleet")["summary"] == {"granted": 1}


def test_fleet_form_in_one_task(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso")
    play = ansible.play(
        """
        - name: Fleet
          mssp.defender.defender_token: &fleet
            tenants:
              - {name: contoso, tenant_id: contoso.example}
              - {name: fabrikam, tenant_id: fabrikam.example}
              - {name: lucerne, tenant_id: lucerne.example}
          run_once: true
        - name: Strict
          mssp.defender.defender_token:
            tenants: "{{ lookup('ansible.builtin.vars', 'strict') }}"
            fail_on: [not_consented]
          vars:
            strict:
              - {name: contoso, tenant_id: contoso.example}
              - {name: fabrikam, tenant_id: fabrikam.example}
          run_once: true
          ignore_errors: true
        - name: Delegated
          mssp.defender.defender_token: *fleet
          run_once: true
          delegate_to: worker
        """
    )
    run = ansible.playbook(play)
    assert run.code == 0, run.output
    fleet = run.result("Fleet")
    assert [(outcome["name"], outcome["state"]) for outcome in fleet["tenants"]] == [
        ("contoso", "granted"),
        ("fabrikam", "not_consented"),
        ("lucerne", "unknown_tenant"),
    ]
    assert fleet["summary"] == run.result("Delegated")["summary"]
    strict = run.entry("Strict")
    assert strict["status"] == "ignored"
    assert strict["result"]["msg"].startswith("fabrikam (fabrikam.example) is not_consented: ")
    assert len(strict["result"]["tenants"]) == 2


def test_task_environment_is_honoured_and_ends_with_the_task(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso")
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    play = ansible.play(
        """
        - name: With it
          mssp.defender.defender_token: &token
            tenant_id: "{{ partner_access_tenant_id }}"
          environment:
            AZURE_CLIENT_SECRET: "{{ secret }}"
        - name: Delegated with it
          mssp.defender.defender_token: *token
          environment:
            AZURE_CLIENT_SECRET: "{{ secret }}"
          delegate_to: worker
        - name: Without it
          mssp.defender.defender_token: *token
          ignore_errors: true
        """,
        vars={"secret": "{{ lookup('ansible.builtin.file', secret_file) }}"},
    )
    secret_file = ansible.emulator.connection["client_secret_file"]
    run = ansible.playbook(play, "-e", f"secret_file={secret_file}", AZURE_CLIENT_SECRET=None)
    assert run.code == 0, run.output
    assert run.result("With it")["state"] == run.result("Delegated with it")["state"] == "granted"
    assert "no credential is given" in run.result("Without it")["msg"]


def test_empty_environment_values_are_none(ansible: Ansible, consent: Callable[..., None], tmp_path: Path) -> None:
    """AWX sets a variable to nothing, or to the path of an empty file, for a field that was left empty."""
    consent("contoso", "fabrikam")
    empty = tmp_path / "empty"
    empty.touch()
    play = ansible.play(
        """
        - name: In process
          mssp.defender.defender_token: &token
            tenant_id: "{{ partner_access_tenant_id }}"
        - name: Delegated
          mssp.defender.defender_token: *token
          delegate_to: worker
        """
    )
    blank = {
        "AZURE_CLIENT_ID": "",
        "AZURE_CLIENT_CERTIFICATE_PATH": str(empty),
        "AZURE_CLIENT_CERTIFICATE_PASSWORD": "",
        "AZURE_FEDERATED_TOKEN_FILE": "",
    }
    run = ansible.playbook(play, **blank)
    assert run.code == 0, run.output
    verify = ansible.playbook("mssp.defender.verify", **blank)
    assert verify.code == 0, verify.output


def test_certificate_by_environment(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    files = ansible.emulator.connection
    run = ansible.playbook(
        "mssp.defender.verify",
        AZURE_CLIENT_SECRET="",
        AZURE_CLIENT_CERTIFICATE_PATH=files["certificate_pfx_path"],
        AZURE_CLIENT_CERTIFICATE_PASSWORD=Path(files["certificate_password_file"]).read_text(),
    )
    assert run.code == 0, run.output


def test_check_mode_and_diff(ansible: Ansible, consent: Callable[..., None], tmp_path: Path) -> None:
    consent("contoso", "fabrikam")
    play = ansible.play(
        """
        - name: Token
          mssp.defender.defender_token:
            tenant_id: "{{ partner_access_tenant_id }}"
            dest: "{{ folder }}/{{ inventory_hostname }}.token"
        - name: Incidents
          mssp.defender.defender_incidents:
            tenant_id: "{{ partner_access_tenant_id }}"
            dest: "{{ folder }}/{{ inventory_hostname }}.jsonl"
        """
    )
    folder = tmp_path / "dest"
    folder.mkdir()
    runs = {
        label: ansible.playbook(play, "--diff", "-e", f"folder={folder}", *arguments)
        for label, arguments in (("check", ["--check"]), ("first", []), ("second", []))
    }
    assert {label: run.code for label, run in runs.items()} == {"check": 0, "first": 0, "second": 0}
    assert {label: run.recap("contoso")["changed"] for label, run in runs.items()} == {
        "check": 2,
        "first": 2,
        "second": 0,
    }
    assert "good until" in runs["check"].output, "the diff says what changes"
    for run in runs.values():
        assert "eyJ" not in run.output


def test_report_is_printed_plainly(ansible: Ansible) -> None:
    play = ansible.play(
        """
        - name: Report
          mssp.defender.defender_report:
            title: Where they stand
            columns: [name, who_acts]
            rows:
              - {name: contoso, who_acts: nobody}
              - {name: fabrikam}
          run_once: true
        """
    )
    run = ansible.playbook(play)
    assert run.code == 0, run.output
    assert "Where they stand\n\nname       who acts\ncontoso    nobody\nfabrikam\n" in run.output
