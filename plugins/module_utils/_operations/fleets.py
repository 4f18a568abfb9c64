# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Group the customers that are worked on alike, so that one task can work for all of a group."""

from __future__ import annotations

import json
from typing import Any

from .._core.customers.customer import sharing_files
from .._core.errors import OptionError
from .operation import Operation, OptionSpec
from .options import OF_CUSTOMER, PREFIX, SECRETS
from .task_context import TaskContext

ARGUMENTS: dict[str, OptionSpec] = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "settings": {"type": "list", "elements": "str", "default": []},
}

_TENANT_ID = OF_CUSTOMER["tenant_id"]
# a credential goes with its application, and has no place in a result
_ALWAYS = tuple(option for option in OF_CUSTOMER if option != "tenant_id" and option not in SECRETS)


def run(task: TaskContext) -> dict[str, Any]:
    """Return the fleets by the name of their first host, and why other hosts belong to none."""
    inventory = task.inventory
    if inventory is None:
        raise OptionError("this task needs the inventory: leave out async and delegate_to")
    variables = [_TENANT_ID, *(PREFIX + setting for setting in (*_ALWAYS, *task.params["settings"]))]
    fleets: dict[str, dict[str, Any]] = {}
    leaders: dict[str, str] = {}
    unusable = {}
    names = list(dict.fromkeys(task.params["hosts"]))
    others = sharing_files(names)
    for name in names:
        if name in others:
            unusable[name] = f"some disks take the files of '{name}' and '{others[name]}' for one: rename one of them"
            continue
        try:
            values = inventory.values(name, variables)
            _check_permissions(values.get(OF_CUSTOMER["permissions"]))
        except ValueError as error:
            unusable[name] = str(error)
            continue
        tenant = {"name": name, "tenant_id": values.pop(_TENANT_ID, "")}
        settings = {variable.removeprefix(PREFIX): value for variable, value in values.items()}
        leader = leaders.setdefault(json.dumps(settings, sort_keys=True, default=str), name)
        fleets.setdefault(leader, {"settings": settings, "tenants": []})["tenants"].append(tenant)
    return {"changed": False, "fleets": fleets, "unusable": unusable}


def _check_permissions(value: Any) -> None:
    """Raise ValueError unless the value is a list of roles for each API; one customer's must not stop the others."""
    if value and not (isinstance(value, dict) and all(isinstance(roles, list) for roles in value.values())):
        raise ValueError(
            f"{OF_CUSTOMER['permissions']} is not a dictionary of lists, such as {{xdr: [Incident.Read.All]}}"
        )


OPERATION = Operation(ARGUMENTS, run=run)
