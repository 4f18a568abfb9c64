# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play in groups: customers whose hosts say the same are worked for together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .._core.customers.customer import sharing_files
from .operation import Operation
from .options import NOT_SET, left_to_inventory
from .task_context import Inventory, Params


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
