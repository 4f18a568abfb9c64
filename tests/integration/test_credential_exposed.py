# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret that is handed on: usable by the next task, and never to be seen; and where a task cannot encrypt."""

from __future__ import annotations

import json

import pytest
from ansible.release import __version__
from support.ansible_runs import Ansible, Run
from support.emulated_tenants import HomeTenant
from support.vaults import CredentialFile

from ansible_collections.mssp.defender.plugins.plugin_utils._action import censors_results

pytestmark = pytest.mark.usefixtures("registered")

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


@pytest.fixture
def one(ansible: Ansible) -> Ansible:
    """Processes with a single host."""
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    return ansible


def _shows(run: Run, secret: str) -> bool:
    return secret in run.output or secret in json.dumps(run.entries)


@pytest.mark.parametrize("verbosity", ["-v", "-vvvv"])
def test_it_is_censored_and_can_be_used(one: Ansible, home: HomeTenant, verbosity: str) -> None:
    """In process, as a real module on another host, and with the difference shown."""
    play = one.play(
        """
        - name: Expose
          mssp.defender.defender_credential:
            unique_name: northwind-soc
            kind: secret
            name: ansible
            dest: credential.yml
            expose_secret: true
          no_log: true
          register: made
        - name: Expose delegated
          mssp.defender.defender_credential:
            tenant_id: "{{ partner_access_home_tenant_id }}"
            unique_name: northwind-soc
            kind: secret
            name: delegated
            expose_secret: true
          no_log: true
          delegate_to: worker
          register: delegated
        - name: Hand them on
          ansible.builtin.copy:
            content: "{{ [made.secret, delegated.secret] | to_json }}"
            dest: "{{ playbook_dir }}/handed_on"
            mode: "0600"
          no_log: true
          delegate_to: worker
        """
    )
    run = one.playbook(play, verbosity, "--diff")
    assert run.code == 0, run.output
    exposed, delegated = json.loads((one.place / "handed_on").read_text())
    kept = CredentialFile(one.place / "credential.yml")
    assert kept.secret == exposed
    assert home.accepts(exposed)
    assert home.accepts(delegated)
    assert not _shows(run, exposed)
    assert not _shows(run, delegated)
    assert "censored" in run.result("Expose")
    assert "censored" in run.result("Expose delegated")


def test_without_no_log_it_is_refused_where_this_core_would_print_it(one: Ansible, home: HomeTenant) -> None:
    """Before there is a secret; elsewhere the result censors itself."""
    play = one.play(
        """
        - name: Expose
          mssp.defender.defender_credential:
            unique_name: northwind-soc
            kind: secret
            name: ansible
            expose_secret: true
          ignore_errors: true
        - name: Expose delegated
          mssp.defender.defender_credential:
            unique_name: northwind-soc
            kind: secret
            name: delegated
            expose_secret: true
          delegate_to: worker
          ignore_errors: true
        """
    )
    run = one.playbook(play, "-v")
    assert run.code == 0, run.output
    assert "no_log: true" in run.result("Expose delegated")["msg"]
    if censors_results(__version__):
        assert "censored" in run.result("Expose")
        assert [secret["displayName"] for secret in home.secrets()] == ["ansible"]
    else:
        assert "no_log: true" in run.result("Expose")["msg"]
        assert home.secrets() == []


def test_in_a_loop_it_needs_no_log(one: Ansible, home: HomeTenant) -> None:
    play = one.play(
        """
        - name: Expose without more
          mssp.defender.defender_credential:
            unique_name: northwind-soc
            kind: secret
            name: "{{ item }}"
            expose_secret: true
          loop: [one, two]
          ignore_errors: true
        - name: Expose with no_log
          mssp.defender.defender_credential:
            unique_name: northwind-soc
            kind: secret
            name: "{{ item }}"
            expose_secret: true
          loop: [three, four]
          no_log: true
          register: made
        - name: They can be used
          ansible.builtin.assert:
            that: item.secret | length > 20
            quiet: true
          loop: "{{ made.results }}"
          no_log: true
        """
    )
    run = one.playbook(play, "-vvvv")
    assert run.code == 0, run.output
    refused = run.result("Expose without more")["results"]
    assert ["no_log: true" in item["msg"] for item in refused] == [True, True]
    assert sorted(str(item["displayName"]) for item in home.secrets()) == ["four", "three"]


def test_in_the_background_it_is_refused(one: Ansible, home: HomeTenant) -> None:
    play = one.play(
        """
        - name: Expose
          mssp.defender.defender_credential:
            unique_name: northwind-soc
            kind: secret
            name: ansible
            expose_secret: true
          async: 30
          poll: 1
        """,
        vars=LOCAL,
    )
    run = one.playbook(play)
    assert run.code == 2
    assert "expose_secret" in run.result("Expose")["msg"]
    assert home.secrets() == []


@pytest.mark.parametrize("keywords", [{"delegate_to": "worker"}, {"async": 30, "poll": 1, "vars": LOCAL}])
def test_a_real_module_encrypts_nothing(one: Ansible, home: HomeTenant, keywords: dict[str, object]) -> None:
    """It says so before there is a secret; a plain file it can write."""
    options = {
        "unique_name": "northwind-soc",
        "kind": "secret",
        "name": "ansible",
        "dest": str(one.place / "credential.yml"),
    }
    tasks = [
        {"name": "Encrypted", "mssp.defender.defender_credential": options, "ignore_errors": True, **keywords},
        {"name": "Plain", "mssp.defender.defender_credential": {**options, "encrypt": False}, **keywords},
    ]
    run = one.playbook(one.play(json.dumps(tasks)), "-vvv")
    assert run.code == 0, run.output
    refused = run.result("Encrypted")["msg"]
    for words in ("dest", "delegate_to", "async", "encrypt to false"):
        assert words in refused, refused
    kept = CredentialFile(one.place / "credential.yml")
    assert not kept.is_encrypted
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert len(home.secrets()) == 1
    assert home.accepts(kept.secret)
    assert not _shows(run, kept.secret)


def test_the_difference_of_an_application_is_shown(one: Ansible) -> None:
    """Field by field, and nothing else."""
    play = one.play(
        """
        - name: Rename
          mssp.defender.defender_application:
            unique_name: northwind-soc
            display_name: Northwind Watch
        """
    )
    for arguments in (["--check", "--diff"], ["--diff"]):
        run = one.playbook(play, *arguments)
        assert run.code == 0, run.output
        changed = {line.strip() for line in run.output.splitlines() if line.startswith(("+ ", "- ", "+  ", "-  "))}
        assert changed == {
            '-    "display_name": "northwind-soc"',
            '+    "display_name": "Northwind Watch"',
        }, run.output


def test_a_vaulted_file_is_read_by_ansible_itself(one: Ansible, home: HomeTenant) -> None:
    """Also a secret that looks like a template stays as it is."""
    play = one.play(
        """
        - name: Keep
          mssp.defender.defender_credential:
            unique_name: northwind-soc
            kind: secret
            name: ansible
            dest: "{{ playbook_dir }}/credential.yml"
        - name: Load
          ansible.builtin.include_vars:
            file: credential.yml
          # the cores that ignore that a result hides itself print what include_vars decrypted
          no_log: true
        - name: Use
          mssp.defender.defender_token:
            tenant_id: "{{ partner_access_home_tenant_id }}"
            resource: xdr
            required_roles: [Incident.Read.All]
        """
    )
    run = one.playbook(play, "-vvv", AZURE_CLIENT_SECRET=None)
    assert run.code == 0, run.output
    assert run.result("Use")["app_id"] == home.application()["appId"]
    assert not _shows(run, CredentialFile(one.place / "credential.yml").secret)
