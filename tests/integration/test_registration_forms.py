# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of the registration as people write them: with module_defaults, by the environment, as real modules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.emulated_tenants import HomeTenant
from support.vaults import CredentialFile

TASKS = """
- name: Register
  mssp.defender.defender_application:
    unique_name: northwind-soc
    permissions:
      xdr: [Incident.Read.All]
- name: Keep
  mssp.defender.defender_credential:
    unique_name: northwind-soc
    kind: secret
    name: ansible
    dest: "{{ playbook_dir }}/credential.yml"
"""


@pytest.fixture
def one(ansible: Ansible) -> Ansible:
    """A single host in an inventory that names things its own way."""
    ansible.customers = {"contoso": {}}
    ansible.variables = {}
    return ansible


def _connection(ansible: Ansible, **more: Any) -> dict[str, Any]:
    url = ansible.emulator.url
    return {
        "tenant_id": ansible.emulator.home_tenant_id,
        "authority_url": url,
        "graph_url": url,
        "ca_path": ansible.emulator.ca_path,
        **more,
    }


def _proven(one: Ansible, home: HomeTenant) -> bool:
    return home.accepts(CredentialFile(one.place / "credential.yml").secret)


def test_module_defaults_alone_connect_both(one: Ansible, home: HomeTenant) -> None:
    connection = _connection(
        one,
        client_id=one.emulator.registrar_client_id,
        client_secret="{{ lookup('ansible.builtin.env', 'REGISTRAR_SECRET') }}",
    )
    play = one.play(TASKS, module_defaults={"group/mssp.defender.registration": connection})
    run = one.playbook(play, AZURE_CLIENT_SECRET=None)
    assert run.code == 0, run.output
    assert _proven(one, home)
    assert one.playbook(play, AZURE_CLIENT_SECRET=None).recap("contoso")["changed"] == 0


def test_the_registrar_of_the_environment(one: Ansible, home: HomeTenant) -> None:
    """As a job template of AWX injects it; the keyword `environment` does the same."""
    defaults = {"group/mssp.defender.registration": _connection(one)}
    registrar = {
        "AZURE_CLIENT_ID": one.emulator.registrar_client_id,
        "AZURE_CLIENT_SECRET": "{{ lookup('ansible.builtin.env', 'REGISTRAR_SECRET') }}",
    }
    run = one.playbook(one.play(TASKS, module_defaults=defaults, environment=registrar), AZURE_CLIENT_SECRET=None)
    assert run.code == 0, run.output
    assert _proven(one, home)
    again = one.playbook(
        one.play(TASKS, module_defaults=defaults),
        AZURE_CLIENT_ID=one.emulator.registrar_client_id,
        AZURE_CLIENT_SECRET=one.emulator.registrar_secret,
    )
    assert (again.code, again.recap("contoso")["changed"]) == (0, 0), again.output


def test_the_secret_of_the_application_in_the_environment_is_not_the_registrars(
    ansible: Ansible, home: HomeTenant
) -> None:
    """The inventory's registrar wins over what the environment has for the customers' tokens."""
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    run = ansible.playbook(ansible.play(TASKS), AZURE_CLIENT_ID=ansible.emulator.client_id)
    assert run.code == 0, run.output
    asked = home.emulator.control("GET", "requests")["requests"]
    assert {item["path"].split("/")[1] for item in asked if item["path"].endswith("/token")} == {home.tenant_id}
    assert [item["refusal"] for item in asked if item["refusal"]] == []


@pytest.mark.parametrize(
    "keywords",
    [
        {"delegate_to": "worker"},
        {
            "async": 30,
            "poll": 1,
            "vars": {
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            },
        },
    ],
    ids=["delegated", "background"],
)
def test_a_real_module_does_the_same(ansible: Ansible, home: HomeTenant, keywords: dict[str, Any]) -> None:
    """Registered by a real module, seen as unchanged in process, and the other way round."""
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    options = {"unique_name": "northwind-soc", "permissions": {"xdr": ["Incident.Read.All"]}}
    tasks = [
        {"name": "Real", "mssp.defender.defender_application": options, **keywords},
        {"name": "In process", "mssp.defender.defender_application": options},
        {"name": "Real again", "mssp.defender.defender_application": options, **keywords},
    ]
    run = ansible.playbook(ansible.play(json.dumps(tasks)))
    assert run.code == 0, run.output
    assert [run.result(name)["changed"] for name in ("Real", "In process", "Real again")] == [True, False, False]
    assert run.result("Real")["application"] == run.result("In process")["application"]
    assert run.result("Real again")["application"] == run.result("In process")["application"]
    assert home.roles(home.application()["appId"]) == ["Incident.Read.All"]


def test_ad_hoc(ansible: Ansible, home: HomeTenant) -> None:
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    run = ansible.ad_hoc("mssp.defender.defender_application", "-a", "unique_name=northwind-soc", "--check")
    assert run.code == 0, run.output
    assert home.applications() == []
    run = ansible.ad_hoc("mssp.defender.defender_application", "-a", "unique_name=northwind-soc")
    assert run.code == 0, run.output
    assert home.application()["uniqueName"] == "northwind-soc"
