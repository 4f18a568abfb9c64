# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-doc says of a module is what its operation accepts: options, types, defaults, environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import env_fallback
from support.operations import operation_of

from ansible_collections.mssp.defender.plugins.module_utils._operations.customers import inventory

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))


@pytest.fixture(scope="module")
def pages() -> dict[str, Any]:
    """Module name to what ansible-doc knows of it, with the fragments merged by Ansible itself."""
    names = [f"mssp.defender.{module}" for module in MODULES]
    command = ["ansible-doc", "--type", "module", "--json", *names]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.rpartition(".")[2]: page for name, page in json.loads(listing.stdout).items()}


def _accepted(spec: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """An argument spec, reduced to what a reader of the documentation must know."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": list(option["choices"]) if "choices" in option else None,
            "aliases": option.get("aliases", []),
            "options": _accepted(option["options"]) if "options" in option else None,
        }
        for name, option in spec.items()
    }


def _documented(options: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The same, from the documentation."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": list(option["choices"]) if "choices" in option else None,
            "aliases": option.get("aliases", []),
            "options": _documented(option["suboptions"]) if "suboptions" in option else None,
        }
        for name, option in options.items()
    }


def _environment(spec: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Option to the environment variables that stand in for it."""
    fallbacks = {name: option["fallback"] for name, option in spec.items() if "fallback" in option}
    return {name: list(variables) for name, (strategy, variables) in fallbacks.items() if strategy is env_fallback}


def _named_by(kind: str, rules: Any) -> set[str]:
    """The options that a constraint of AnsibleModule names."""
    if kind in {"mutually_exclusive", "required_together", "required_one_of"}:
        return {name for group in rules for name in group}
    if kind == "required_if":
        return {name for option, _value, needed, *_any_of in rules for name in (option, *needed)}
    if kind == "required_by":
        return {name for option, needed in rules.items() for name in (option, *needed)}
    pytest.fail(f"AnsibleModule knows no constraint {kind}")


def _paragraphs(description: str | list[str]) -> str:
    return description if isinstance(description, str) else " ".join(description)


def test_there_are_modules() -> None:
    assert {"defender_consent_url", "defender_token", "defender_incidents"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_options_are_those_of_theoperation_of(module: str, pages: dict[str, Any]) -> None:
    assert _documented(pages[module]["doc"]["options"]) == _accepted(operation_of(module).arguments)


@pytest.mark.parametrize("module", MODULES)
def test_constraints_name_options_that_exist(module: str) -> None:
    operation = operation_of(module)
    named = {name for kind, rules in operation.constraints.items() for name in _named_by(kind, rules)}
    assert named - set(operation.arguments) == set()


def test_the_credentials_can_come_from_the_environment() -> None:
    wanted = {"client_id", "client_secret", "certificate_path", "certificate_password", "federated_token_file"}
    assert wanted <= set(_environment(operation_of("defender_token").arguments))


@pytest.mark.parametrize("module", MODULES)
def test_each_environment_variable_is_documented_with_its_option(module: str, pages: dict[str, Any]) -> None:
    options = pages[module]["doc"]["options"]
    wanted = _environment(operation_of(module).arguments)
    silent = {
        name: variables
        for name, variables in wanted.items()
        if not all(variable in _paragraphs(options[name]["description"]) for variable in variables)
    }
    assert silent == {}


@pytest.mark.parametrize("module", MODULES)
def test_identifiers_are_never_masked_and_secrets_always(module: str) -> None:
    arguments = operation_of(module).arguments
    masked = {name for name, option in arguments.items() if option.get("no_log")}
    assert masked & {"tenant_id", "tenants", "client_id"} == set()
    assert {"client_secret", "certificate_password"} & set(arguments) <= masked


@pytest.mark.parametrize("module", MODULES)
def test_each_return_value_is_described(module: str, pages: dict[str, Any]) -> None:
    returned = pages[module]["return"]
    assert returned
    vague = {name for name, value in returned.items() if not {"description", "returned", "type"} <= set(value)}
    assert vague == set()


@pytest.mark.parametrize("module", MODULES)
def test_examples_call_the_module_by_its_full_name_with_real_options(module: str, pages: dict[str, Any]) -> None:
    arguments = set(operation_of(module).arguments)
    calls = [task[f"mssp.defender.{module}"] for task in _tasks(yaml.safe_load(pages[module]["examples"]), module)]
    assert calls
    assert {option for call in calls for option in call or {}} - arguments == set()


def _tasks(node: Any, module: str) -> list[dict[str, Any]]:
    """The tasks of an example that call this module, at any depth of plays and blocks."""
    if isinstance(node, list):
        return [task for item in node for task in _tasks(item, module)]
    if not isinstance(node, dict):
        return []
    if f"mssp.defender.{module}" in node:
        return [node]
    return [task for value in node.values() for task in _tasks(value, module)]


@pytest.fixture(scope="module")
def inventory_options() -> dict[str, Any]:
    """What ansible-doc knows of the options of the inventory."""
    command = ["ansible-doc", "--type", "inventory", "--json", "mssp.defender.customers"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    (page,) = json.loads(listing.stdout).values()
    options: dict[str, Any] = page["doc"]["options"]
    return options


OF_EVERY_INVENTORY = {"strict", "compose", "groups", "keyed_groups", "leading_separator", "use_extra_vars"}


def test_options_of_the_inventory_are_those_of_itsoperation_of(inventory_options: dict[str, Any]) -> None:
    accepted = _accepted(inventory.OPERATION.arguments)
    for option in accepted.values():
        # Ansible would make the working directory of an empty path, which is how AWX says that it is not given
        option["type"] = "str" if option["type"] == "path" else option["type"]
    assert _documented({option: inventory_options[option] for option in accepted}) == accepted


def test_the_inventory_has_no_other_options_but_those_of_ansible(inventory_options: dict[str, Any]) -> None:
    own = {option for option in inventory_options if not option.startswith("cache")} - OF_EVERY_INVENTORY
    assert own == set(inventory.OPERATION.arguments) - OF_EVERY_INVENTORY | {"plugin", "group"}


def test_the_environment_of_the_inventory_is_that_of_tasks(inventory_options: dict[str, Any]) -> None:
    arguments = inventory.OPERATION.arguments
    documented = {
        option: [item["name"] for item in inventory_options[option]["env"]]
        for option in set(arguments) - OF_EVERY_INVENTORY
        if "env" in inventory_options[option]
    }
    assert documented == {**_environment(arguments), "home_tenant_id": ["AZURE_TENANT_ID"]}
