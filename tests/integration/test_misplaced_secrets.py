# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret in the wrong option, where Ansible itself checks options: a real module, an inventory, an event source."""

from __future__ import annotations

import asyncio

import pytest
from support.ansible_runs import Ansible

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._event_source import run_source
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import event_stream

SECRET = "abc8Q~Zk3.fGhT_p-LmN0qRsTuVwXyZ12345678"
GUID = "44444444-4444-4444-8444-444444444444"


@pytest.mark.parametrize("option", ["timeout", "cloud", "fail_on", "client_id", "certificate_path", "required_roles"])
def test_a_real_module_repeats_no_secret(ansible: Ansible, option: str) -> None:
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    play = ansible.play(
        """
        - name: Ask
          mssp.defender.defender_token: "{{ {'tenant_id': partner_access_tenant_id} | combine({wrong: secret}) }}"
          delegate_to: worker
        """,
        vars={"wrong": option, "secret": f"x{SECRET}"},
    )
    run = ansible.playbook(play)
    assert run.code == 2, run.output
    message = run.result("Ask", "contoso")["msg"]
    assert option in message or "characters, not shown" in message, message
    assert SECRET not in message


@pytest.mark.parametrize("option", ["timeout", "retries", "cloud", "client_id", "ca_path", "resolve", "files"])
def test_an_inventory_repeats_no_secret(ansible: Ansible, option: str) -> None:
    inventory = ansible.place / "soc.customers.yml"
    partner = "" if option == "files" else "partner: true\n"
    inventory.write_text(f"plugin: mssp.defender.customers\n{partner}{option}: x{SECRET}\n")
    run = ansible.run(
        ["ansible-inventory", "-i", str(inventory), "--list"], {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
    )
    assert run.code != 0, run.output
    assert SECRET not in run.output


@pytest.mark.parametrize(
    "option", ["interval", "severity", "api", "client_id", "cloud", "backfill", "files", "ca_path"]
)
def test_an_event_source_repeats_no_secret(option: str, tmp_path: object) -> None:
    options = {
        "tenants": [{"name": "contoso", "tenant_id": GUID}],
        "client_id": GUID,
        "client_secret": "the right one",
        "checkpoint": str(tmp_path),
        option: f"x{SECRET}",
    }
    if option == "files":
        del options["tenants"]
    with pytest.raises(OptionError) as refused:
        asyncio.run(run_source(event_stream.STREAM, asyncio.Queue(), options))
    assert SECRET not in str(refused.value)
