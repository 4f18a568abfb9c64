# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible_collections.mssp.defender.plugins.module_utils import _for_registrations
from ansible_collections.mssp.defender.plugins.module_utils._operations.operation import Operation, OptionSpec
from ansible_collections.mssp.defender.plugins.module_utils._operations.task_context import TaskContext

OPTIONS: dict[str, OptionSpec] = {
    option: {"type": "str"}
    for option in ("tenant_id", "client_id", "unique_name", "display_name", "redirect_uris", "dest")
}
VARIABLES = {option: f"my_{option}" for option in OPTIONS}


def _never(_task: TaskContext) -> dict[str, Any]:
    raise AssertionError("the operation is run by the caller")


REGISTERS = Operation(OPTIONS, run=_never, settings=VARIABLES)
KEEPS = Operation(OPTIONS, run=_never, settings=VARIABLES, only_with="dest")


class Hosts:
    """Every host is a customer of the application northwind-soc, but for what `said` has of it."""

    def __init__(self, **said: Any) -> None:
        self._said = said

    def values(self, host: str, variables: Collection[str]) -> dict[str, Any]:
        found = {"my_unique_name": "northwind-soc", "my_tenant_id": "home", **self._said.get(host, {})}
        if found.get("broken"):
            raise ValueError(f"a variable of {host} cannot be templated")
        return {variable: found[variable] for variable in variables if variable in found}


class Front:
    """What runs the operation: notes the arguments, and refuses the applications that it is told to."""

    def __init__(self, *refused: str) -> None:
        self.arguments: list[dict[str, Any]] = []
        self._refused = refused

    def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self.arguments.append(arguments)
        name = arguments["unique_name"]
        if name in self._refused:
            return {"changed": False, "failed": True, "msg": f"{name} cannot be registered"}
        return {"changed": True, "failed": False, "application": {"app_id": f"id of {name}"}, "diff": {"before": name}}


def run(hosts: list[str], inventory: Hosts, front: Front, operation: Operation = REGISTERS) -> dict[str, Any]:
    return _for_registrations.run(operation, {"hosts": hosts, "client_id": "registrar"}, inventory, front)


def test_an_application_is_worked_on_once_with_the_redirect_uris_of_all_its_hosts() -> None:
    front = Front()
    inventory = Hosts(
        contoso={"my_redirect_uris": "https://a"},
        fabrikam={"my_redirect_uris": "https://b"},
        tailspin={"my_redirect_uris": "https://a"},
    )
    result = run(["contoso", "fabrikam", "tailspin"], inventory, front)
    assert front.arguments == [
        {
            "client_id": "registrar",
            "tenant_id": "home",
            "unique_name": "northwind-soc",
            "redirect_uris": ["https://a", "https://b"],
        }
    ]
    assert result == {
        "changed": True,
        "failed": False,
        "applications": [
            {
                "hosts": ["contoso", "fabrikam", "tailspin"],
                "unique_name": "northwind-soc",
                "changed": True,
                "application": {"app_id": "id of northwind-soc"},
            }
        ],
        "failing": {},
        "client_ids": dict.fromkeys(["contoso", "fabrikam", "tailspin"], "id of northwind-soc"),
        "diff": [{"before": "northwind-soc"}],
    }


def test_another_name_or_home_tenant_is_another_application() -> None:
    front = Front()
    run(["a", "b", "c"], Hosts(b={"my_unique_name": "other"}, c={"my_tenant_id": "elsewhere"}), front)
    assert [(each["unique_name"], each["tenant_id"]) for each in front.arguments] == [
        ("northwind-soc", "home"),
        ("other", "home"),
        ("northwind-soc", "elsewhere"),
    ]


def test_one_application_that_is_refused_fails_its_own_hosts() -> None:
    result = run(["a", "b", "c"], Hosts(b={"my_unique_name": "other"}), Front("northwind-soc"))
    refused = "northwind-soc cannot be registered"
    assert result["failing"] == {"a": refused, "c": refused}
    assert (result["failed"], result["msg"]) == (True, f"{refused} (and 1 more)")
    assert [each.get("application") for each in result["applications"]] == [None, {"app_id": "id of other"}]


def test_a_host_that_declares_something_else_of_the_same_application_fails_alone() -> None:
    result = run(["a", "b", "c"], Hosts(b={"my_display_name": "Other"}), Front())
    assert result["failing"] == {
        "b": "b: it declares other things of application 'northwind-soc' than a (display_name): "
        "make them equal, or give it another unique name"
    }
    assert [each["hosts"] for each in result["applications"]] == [["a", "c"]]


def test_a_host_that_cannot_be_asked_fails_alone() -> None:
    result = run(["a", "b"], Hosts(a={"broken": True}), Front())
    assert result["failing"] == {"a": "a: a variable of a cannot be templated"}
    assert [each["hosts"] for each in result["applications"]] == [["b"]]


def test_a_host_without_what_the_operation_is_about_is_left_alone() -> None:
    result = run(["a", "b"], Hosts(b={"my_dest": "credential.yml", "my_unique_name": "other"}), Front(), KEEPS)
    assert [each["hosts"] for each in result["applications"]] == [["b"]]
    assert (result["failed"], result["failing"]) == (False, {})


def test_nobody_is_no_failure() -> None:
    result = run([], Hosts(), Front())
    assert (result["changed"], result["failed"], result["applications"]) == (False, False, [])
