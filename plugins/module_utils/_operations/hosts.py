# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play in groups: customers whose hosts say the same are worked for together."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .._core.customers.customer import sharing_files
from .operation import Operation
from .options import NOT_SET, left_to_inventory
from .task_context import Inventory, Params

_IDENTIFYING: tuple[tuple[str, ...], ...] = (
    ("client_id",),
    ("certificate_path", "federated_token_file", "client_secret"),
)
"""What an application needs one each of, from the hosts or the environment."""


@dataclass(frozen=True)
class Group:
    """Customers that one application works for alike.

    `options` are what their hosts' variables say of the options that the task leaves out; `tenants` have the host's
    name and the tenant's id each.
    """

    options: Params
    tenants: list[dict[str, str]]


@dataclass(frozen=True)
class Grouping:
    """The groups, and by name why other hosts belong to none."""

    groups: list[Group]
    unusable: dict[str, str]


def left_to_hosts(operation: Operation, given: Params) -> dict[str, str]:
    """Return which options a task for many hosts leaves to each of them, and by which variable."""
    left = left_to_inventory(given, {**operation.variables, **operation.settings})
    return {option: variable for option, variable in left.items() if option in operation.arguments}


def group(hosts: Iterable[str], inventory: Inventory, variables: Mapping[str, str]) -> Grouping:
    """Return the hosts by all that the variables say, which are given by the option that each of them fills in.

    The option `tenant_id` is what tells the customers of a group apart.
    """
    names = list(dict.fromkeys(hosts))
    others = sharing_files(names)
    groups: dict[str, Group] = {}
    unusable = {}
    for name in names:
        if name in others:
            unusable[name] = f"some disks take the files of '{name}' and '{others[name]}' for one: rename one of them"
            continue
        try:
            options = {**options_of(name, inventory, variables)}
        except ValueError as error:
            unusable[name] = str(error)
            continue
        tenant = {"name": name, "tenant_id": str(options.pop("tenant_id", ""))}
        key = json.dumps(options, sort_keys=True, default=str)
        groups.setdefault(key, Group(options, [])).tenants.append(tenant)
    return Grouping(list(groups.values()), unusable)


def options_of(host: str, inventory: Inventory, variables: Mapping[str, str]) -> Params:
    """Return what a host's variables say, by the option that each fills in. Raises ValueError for a bad one."""
    values = inventory.values(host, variables.values())
    said = {option: values.get(variable) for option, variable in variables.items()}
    return {option: value for option, value in said.items() if value not in NOT_SET}


def unset(operation: Operation, options: Params, variables: Mapping[str, str]) -> str | None:
    """Return a sentence that names all variables which hosts with these options must set yet, None for none."""
    choices: list[tuple[str, ...]] = [(option,) for option, spec in operation.arguments.items() if spec.get("required")]
    if options.get("auth", "application") == "application":
        choices += [choice for choice in _IDENTIFYING if not _is_in_environment(operation, choice)]
    choices += operation.constraints.get("required_one_of", [])
    left_open = [choice for choice in choices if not any(options.get(option) for option in choice)]
    named = [_named(operation, choice, variables) for choice in left_open]
    names = [name for name in named if name]
    if not names:
        return None
    if len(names) == 1:
        return f"{names[0]} is not set: set it on the group of your customers"
    return f"{', '.join(names[:-1])} and {names[-1]} are not set: set them on the group of your customers"


def by_variable(message: str, variables: Mapping[str, str]) -> str:
    """Return a message that begins with an option's name, with that of the variable which the option is left to."""
    return re.sub(r"^\w+", lambda name: variables.get(name[0], name[0]), message)


def _named(operation: Operation, choice: tuple[str, ...], variables: Mapping[str, str]) -> str:
    """Return the variables that one of these options can be left to, "" for none."""
    names = [variables[option] for option in choice if option in variables]
    if not names:
        return ""
    others = [*names[1:], *_environment(operation, choice)]
    return f"{names[0]} (or {', '.join(others)})" if others else names[0]


def _is_in_environment(operation: Operation, choice: tuple[str, ...]) -> bool:
    """Tell whether the environment fills one of the options in, or never does."""
    names = _environment(operation, choice)
    return not names or any(os.environ.get(name) for name in names)


def _environment(operation: Operation, choice: tuple[str, ...]) -> list[str]:
    specs = [operation.arguments[option] for option in choice if option in operation.arguments]
    return [name for spec in specs if "fallback" in spec for name in spec["fallback"][1]]
