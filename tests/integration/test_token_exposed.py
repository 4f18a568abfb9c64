# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token that is handed on: usable by the next task, and never to be seen."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest
from integration.ansible_process import Ansible


@pytest.mark.parametrize("verbosity", ["-v", "-vvvv"])
def test_an_exposed_token_is_censored_and_can_be_used(
    ansible: Ansible, consent: Callable[..., None], verbosity: str
) -> None:
    consent("contoso", "fabrikam")
    play = ansible.play(
        """
        - name: Expose
          mssp.defender.defender_token:
            tenant_id: "{{ partner_access_tenant_id }}"
            expose_token: true
          register: token
        - name: Expose delegated
          mssp.defender.defender_token:
            tenant_id: "{{ partner_access_tenant_id }}"
            expose_token: true
          delegate_to: worker
          register: delegated
        - name: Expose the fleet
          mssp.defender.defender_token:
            tenants:
              - {name: one, tenant_id: "{{ partner_access_tenant_id }}"}
            expose_token: true
          register: fleet
        - name: Use them
          ansible.builtin.uri:
            url: "{{ partner_access_xdr_url }}/api/incidents?$top=1"
            ca_path: "{{ partner_access_ca_path }}"
            headers:
              Authorization: "Bearer {{ item }}"
          no_log: true
          delegate_to: worker
          loop:
            - "{{ token.access_token }}"
            - "{{ delegated.access_token }}"
            - "{{ fleet.tenants[0].access_token }}"
        """
    )
    run = ansible.playbook(play, verbosity)
    assert run.code == 0, run.output
    assert "eyJ" not in run.output
    assert "eyJ" not in str(run.entries)
    assert "censored" in run.result("Expose", "contoso")


def test_a_token_exposed_in_a_loop(ansible: Ansible, consent: Callable[..., None]) -> None:
    """Old cores hand the result of the whole loop to callbacks uncensored, whatever its items say."""
    consent("contoso", "fabrikam")
    play = ansible.play(
        """
        - name: Expose without more
          mssp.defender.defender_token:
            expose_token: true
          loop: [1, 2]
          ignore_errors: true
        - name: Expose with no_log
          mssp.defender.defender_token:
            expose_token: true
          loop: [1, 2]
          no_log: true
          register: tokens
        - name: It can be used
          ansible.builtin.assert:
            that: item.access_token is search('^eyJ')
            quiet: true
          loop: "{{ tokens.results }}"
          no_log: true
        """
    )
    run = ansible.playbook(play, "-vvvv")
    assert run.code == 0, run.output
    assert "eyJ" not in run.output
    assert "eyJ" not in str(run.entries)
    refused = run.result("Expose without more", "contoso")["results"]
    assert ["no_log: true" in item["msg"] for item in refused] == [True, True]


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
