# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token that is handed on: usable by the next task, and never to be seen."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest
from ansible.release import __version__
from support.ansible_runs import Ansible, Run

from ansible_collections.mssp.defender.plugins.plugin_utils._action import censors_results

REMOTE_SHELL = """\
#!/bin/sh
# an ssh whose other end is this machine: the command is the last argument
for command; do :; done
exec /bin/sh -c "$command"
"""


def _jump_host(ansible: Ansible) -> dict[str, str]:
    """The variables of a host behind ssh, the connection that prints with -vvv what a module answered."""
    shell = ansible.place / "ssh"
    shell.write_text(REMOTE_SHELL)
    shell.chmod(0o700)
    return {
        "ansible_connection": "ssh",
        "ansible_ssh_executable": str(shell),
        "ansible_ssh_transfer_method": "piped",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }


def _run(ansible: Ansible, play: str, verbosity: str) -> tuple[Run, str]:
    """Run the play and return, beside the run, all that it printed, logged, reported or showed to a callback."""
    reports = ansible.place / "junit"
    log = ansible.place / "ansible.log"
    run = ansible.playbook(
        play,
        verbosity,
        ANSIBLE_CALLBACKS_ENABLED="ansible.builtin.junit",
        JUNIT_OUTPUT_DIR=str(reports),
        ANSIBLE_LOG_PATH=str(log),
    )
    assert run.code == 0, run.output
    report = "".join(path.read_text() for path in reports.iterdir())
    assert "Expose" in report
    assert "Expose" in log.read_text()
    return run, "\n".join([run.output, str(run.entries), report, log.read_text()])


@pytest.mark.parametrize("verbosity", ["-v", "-vvvv"])
def test_an_exposed_token_is_censored_and_can_be_used(
    ansible: Ansible, consent: Callable[..., None], verbosity: str
) -> None:
    """With no_log, on every core: here, on another machine, for a fleet, and in a loop."""
    consent("contoso", "fabrikam")
    play = ansible.play(
        """
        - name: Go by ssh
          ansible.builtin.add_host: "{{ {'name': 'jump'} | combine(jump_host) }}"
        - name: Expose
          mssp.defender.defender_token:
            tenant_id: "{{ partner_access_tenant_id }}"
            expose_token: true
          no_log: true
          register: token
        - name: Expose delegated
          mssp.defender.defender_token:
            tenant_id: "{{ partner_access_tenant_id }}"
            expose_token: true
          no_log: true
          delegate_to: jump
          register: delegated
        - name: Expose the fleet
          mssp.defender.defender_token:
            tenants:
              - {name: one, tenant_id: "{{ partner_access_tenant_id }}"}
            expose_token: true
          no_log: true
          register: fleet
        - name: Expose in a loop
          mssp.defender.defender_token:
            expose_token: true
          loop: [1, 2]
          no_log: true
          register: tokens
        - name: Use them
          ansible.builtin.uri:
            url: "{{ partner_access_graph_url }}/v1.0/security/incidents?$top=1"
            ca_path: "{{ partner_access_ca_path }}"
            headers:
              Authorization: "Bearer {{ item }}"
          no_log: true
          delegate_to: worker
          loop:
            - "{{ token.access_token }}"
            - "{{ delegated.access_token }}"
            - "{{ fleet.tenants[0].access_token }}"
            - "{{ tokens.results[1].access_token }}"
        """,
        vars={"jump_host": _jump_host(ansible)},
    )
    _unused, shown = _run(ansible, play, verbosity)
    assert "eyJ" not in shown


@pytest.mark.parametrize("verbosity", ["-v", "-vvvv"])
def test_without_no_log_what_this_core_would_print_is_refused(
    ansible: Ansible, consent: Callable[..., None], verbosity: str
) -> None:
    """Where nothing is refused the result censors itself, whatever became of the task."""
    consent("contoso", "fabrikam")
    play = ansible.play(
        """
        - name: Go by ssh
          ansible.builtin.add_host: "{{ {'name': 'jump'} | combine(jump_host) }}"
        - name: Expose
          mssp.defender.defender_token:
            expose_token: true
          ignore_errors: true
        - name: Expose the fleet
          mssp.defender.defender_token:
            tenants:
              - {name: one, tenant_id: "{{ partner_access_tenant_id }}"}
              - {name: two, tenant_id: 00000000-0000-0000-0000-000000000001}
            fail_on: [unknown_tenant, not_consented]
            expose_token: true
          ignore_errors: true
        - name: Expose again
          mssp.defender.defender_token:
            expose_token: true
          register: again
          until: again is failed
          retries: 1
          delay: 0
          ignore_errors: true
        - name: Expose and fail
          mssp.defender.defender_token:
            expose_token: true
          register: failing
          failed_when: failing is not failed
          ignore_errors: true
        - name: Expose in a loop
          mssp.defender.defender_token:
            expose_token: true
          loop: [1, 2]
          ignore_errors: true
        - name: Expose delegated
          mssp.defender.defender_token:
            expose_token: true
          delegate_to: jump
          ignore_errors: true
        """,
        vars={"jump_host": _jump_host(ansible)},
    )
    run, shown = _run(ansible, play, verbosity)
    assert "eyJ" not in shown
    for task in ("Expose", "Expose the fleet", "Expose again", "Expose and fail"):
        result = run.result(task, "contoso")
        if censors_results(__version__):
            assert "censored" in result
        else:
            assert f"ansible-core {__version__}" in result["msg"]
            assert "no_log: true" in result["msg"]
    looped = run.result("Expose in a loop", "contoso")["results"]
    assert ["no_log: true" in item["msg"] for item in looped] == [True, True]
    assert "no_log: true" in run.result("Expose delegated", "contoso")["msg"]


def test_an_exposed_token_and_async_exclude_each_other(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    play = ansible.play(
        """
        - name: Expose
          mssp.defender.defender_token:
            tenant_id: "{{ partner_access_tenant_id }}"
            expose_token: true
          async: 30
          poll: 1
          vars:
            ansible_connection: local
        """
    )
    run = ansible.playbook(play, "-vvv")
    assert run.code == 2
    assert "expose_token" in run.result("Expose", "contoso")["msg"]
    assert "eyJ" not in run.output


def test_a_token_not_exposed_and_async_go_together(ansible: Ansible, consent: Callable[..., None]) -> None:
    """Ad hoc options are texts: "no" is no yes."""
    consent("contoso", "fabrikam")
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    background = ["-B", "30", "-P", "1", "-e", json.dumps(local)]
    run = ansible.ad_hoc("mssp.defender.defender_token", "-a", "expose_token=no", *background)
    assert run.code == 0, run.output
