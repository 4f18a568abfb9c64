# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A misspelt variable would set nothing: a run warns of it, once, with the name that was meant."""

from __future__ import annotations

import pytest
from support.ansible_runs import Ansible, Run

TASKS = """
- name: Prove
  mssp.defender.defender_token:
    hosts: "{{ ansible_play_batch }}"
  run_once: true
- name: Prove each
  mssp.defender.defender_token:
  ignore_errors: true
"""
VALUE = "must-not-be-shown"


def _warned_of(run: Run) -> list[str]:
    """The warnings as printed, each in one line."""
    printed = " ".join(run.output.split())
    return [part.split(" is not a variable")[0] for part in printed.split("[WARNING]: ") if "nothing reads it" in part]


@pytest.mark.parametrize("where", ["host", "group", "play", "extra"])
def test_wherever_it_stands_it_is_told_once(ansible: Ansible, where: str) -> None:
    misspelt = {"partner_access_consent_wat": VALUE}
    extra, keywords = [], {}
    if where == "host":
        # not the host that the task for all runs on
        ansible.customers["fabrikam"] |= misspelt
    elif where == "group":
        ansible.variables |= misspelt
    elif where == "play":
        keywords["vars"] = misspelt
    else:
        extra = ["-e", f"partner_access_consent_wat={VALUE}"]
    run = ansible.playbook(ansible.play(TASKS, **keywords), *extra)
    assert run.code == 0, run.output
    assert _warned_of(run) == ["partner_access_consent_wat"]
    assert "(did you mean partner_access_consent_wait?)" in " ".join(run.output.split())
    assert VALUE not in run.output


def test_a_playbook_warns_of_each_name_and_of_none_that_it_sets_itself(ansible: Ansible) -> None:
    ansible.variables |= {"partner_access_concurency": 2, "partner_access_zzz": 1, "partner_access_fail_on": []}
    run = ansible.playbook("mssp.defender.onboard")
    assert run.code == 0, run.output
    assert sorted(_warned_of(run)) == ["partner_access_concurency", "partner_access_zzz"]


def test_each_playbook_of_the_collection_warns_of_nothing_that_it_sets_itself(ansible: Ansible) -> None:
    for playbook in ("onboard", "incidents", "verify", "register"):
        run = ansible.playbook(f"mssp.defender.{playbook}")
        assert _warned_of(run) == [], run.output


def test_a_module_by_itself_warns_too(ansible: Ansible) -> None:
    ansible.variables["partner_access_consent_wat"] = VALUE
    run = ansible.ad_hoc("mssp.defender.defender_token")
    assert _warned_of(run) == ["partner_access_consent_wat"]
    assert VALUE not in run.output


def test_who_is_told_what_is_missing_is_told_what_was_misspelt(ansible: Ansible) -> None:
    for customer in ansible.customers.values():
        customer["partner_access_tennant_id"] = customer.pop("partner_access_tenant_id")
    run = ansible.playbook("mssp.defender.verify")
    assert run.code == 2, run.output
    assert _warned_of(run) == ["partner_access_tennant_id"]
