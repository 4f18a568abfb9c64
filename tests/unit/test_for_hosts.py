# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils import _for_hosts
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations.operation import Operation, OptionSpec
from ansible_collections.mssp.defender.plugins.module_utils._operations.task_context import TaskContext

VARIABLES = {
    "tenant_id": "my_tenant",
    "client_id": "my_client",
    "client_secret": "my_secret",
    # of other operations
    "redirect_uri": "my_redirect",
}


def _never(_task: TaskContext) -> dict[str, Any]:
    raise AssertionError("the operation is run by the caller")


OPTIONS: dict[str, OptionSpec] = {
    option: {"type": "str"} for option in ("tenant_id", "client_id", "client_secret", "certificate_path", "status")
}
READS = Operation(OPTIONS, run=_never, variables=VARIABLES, settings={"status": "my_status"})


class Hosts:
    """Every host has its own tenant; `said` are the other variables of some."""

    def __init__(self, **said: Any) -> None:
        self._said = said

    def values(self, host: str, variables: Collection[str]) -> dict[str, Any]:
        found = {"my_tenant": f"{host}.example", **self._said.get(host, {})}
        if found.get("broken"):
            raise ValueError(f"a variable of {host} cannot be templated")
        return {variable: found[variable] for variable in variables if variable in found}


class Front:
    """What runs the operation for a group: notes the arguments, and says of each customer what `states` has."""

    def __init__(self, **states: str) -> None:
        self.arguments: list[dict[str, Any]] = []
        self._states = states

    def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self.arguments.append(arguments)
        if arguments.get("client_id") == "wrong":
            return {"failed": True, "changed": False, "msg": "client_id is not a GUID"}
        names = [tenant["name"] for tenant in arguments["tenants"]]
        states = {name: self._states.get(name, "granted") for name in names}
        return {
            "changed": "tailspin" in names,
            "failed": False,
            "tenants": [{"name": name, "state": state} for name, state in states.items()],
            "summary": {state: list(states.values()).count(state) for state in states.values()},
            "failing": {name: f"{name} is {state}" for name, state in states.items() if state == "unreachable"},
            "warnings": ["the old API ends"],
            "dest": "rows.csv",
        }


def run(hosts: list[str], inventory: Hosts, front: Front, **given: Any) -> dict[str, Any]:
    return _for_hosts.run(READS, {"hosts": hosts, **given}, inventory, front)


def test_each_group_is_worked_on_with_what_its_hosts_and_the_task_say() -> None:
    front = Front()
    inventory = Hosts(fabrikam={"my_client": "b", "my_status": ["New"], "my_redirect": "https://b.example"})
    run(["contoso", "fabrikam", "tailspin"], inventory, front, concurrency=3)
    contoso, fabrikam, tailspin = (
        {"name": n, "tenant_id": f"{n}.example"} for n in ("contoso", "fabrikam", "tailspin")
    )
    assert front.arguments == [
        {"concurrency": 3, "tenants": [contoso, tailspin]},
        {"client_id": "b", "status": ["New"], "concurrency": 3, "tenants": [fabrikam]},
    ]


def test_what_the_task_says_wins_over_the_hosts() -> None:
    front = Front()
    inventory = Hosts(contoso={"my_client": "b", "my_status": ["New"], "my_secret": "its own"})
    run(["contoso"], inventory, front, status=[], certificate_path="key.pem")
    (arguments,) = front.arguments
    # a credential of the task leaves no other kind to the inventory
    assert arguments["status"] == []
    assert {"client_secret", "certificate_path"} & set(arguments) == {"certificate_path"}


def test_one_result_has_every_customer_in_the_order_of_the_hosts() -> None:
    inventory = Hosts(fabrikam={"my_client": "b"})
    result = run(["contoso", "fabrikam", "tailspin"], inventory, Front(tailspin="unreachable"))
    assert [(each["name"], each["state"], each["dest"]) for each in result["tenants"]] == [
        ("contoso", "granted", "rows.csv"),
        ("fabrikam", "granted", "rows.csv"),
        ("tailspin", "unreachable", "rows.csv"),
    ]
    assert result["summary"] == {"granted": 2, "unreachable": 1}
    assert (result["changed"], result["failed"]) == (True, True)
    assert result["failing"] == {"tailspin": "tailspin is unreachable"}
    assert result["msg"] == "tailspin is unreachable"
    # once, whichever groups say it
    assert result["warnings"] == ["the old API ends"]


def test_a_group_that_cannot_be_worked_on_fails_its_customers_alone() -> None:
    inventory = Hosts(contoso={"my_client": "wrong"}, tailspin={"my_client": "wrong"})
    result = run(["contoso", "fabrikam", "tailspin"], inventory, Front())
    assert [each["state"] for each in result["tenants"]] == ["error", "granted", "error"]
    assert list(result["failing"]) == ["contoso", "tailspin"]
    sentence = (
        "contoso (contoso.example) is error: my_client is not a GUID; "
        "provider: correct what the message names, and run again."
    )
    assert result["msg"] == f"{sentence} (and 1 more)"
    assert result["summary"] == {"error": 2, "granted": 1}


def test_a_host_that_cannot_be_asked_fails_alone() -> None:
    result = run(["contoso", "fabrikam"], Hosts(contoso={"broken": True}), Front())
    assert [each["state"] for each in result["tenants"]] == ["error", "granted"]
    assert "a variable of contoso cannot be templated" in result["failing"]["contoso"]


@pytest.mark.parametrize("option", ["tenant_id", "tenants"])
def test_hosts_go_with_no_other_tenants(option: str) -> None:
    with pytest.raises(OptionError, match=f"hosts and {option} are both given"):
        run(["contoso"], Hosts(), Front(), **{option: "contoso.example"})


def test_nobody_is_no_failure() -> None:
    result = run([], Hosts(), Front())
    assert (result["failed"], result["tenants"], result["summary"]) == (False, [], {})
