# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task of the registrar for many hosts of a play: the operation for each application that they share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ._core import showing
from ._operations import fleet_task
from ._operations.hosts import left_to_hosts, options_of
from ._operations.operation import Operation, Result
from ._operations.options import OF_REGISTRAR
from ._operations.task_context import Inventory

Perform = Callable[[dict[str, Any]], Result]

# what says which application is meant; the rest of the registrar's options says how its directory is reached
_IDENTITY = ("tenant_id", "unique_name", "cloud", "authority_url", "graph_url")
_OF_ALL = ("failed", "diff", "warnings")


@dataclass
class _Registration:
    """An application as the first of its hosts declares it, with the redirect URIs of all."""

    options: dict[str, Any]
    hosts: list[str] = field(default_factory=list)
    redirect_uris: list[str] = field(default_factory=list)

    def differences(self, options: Mapping[str, Any]) -> list[str]:
        """Return which options another host declares differently."""
        both = {*self.options, *options} - set(OF_REGISTRAR)
        return sorted(option for option in both if self.options.get(option) != options.get(option))


def run(operation: Operation, given: Mapping[str, Any], inventory: Inventory, perform: Perform) -> Result:
    """Work for the applications of the hosts that the task names, and return what became of each.

    A host that does not say what `operation.only_with` names is left alone. One that declares something else of an
    application than the hosts before it, or cannot be asked, fails alone, and so do those of an application that cannot
    be worked on.
    """
    own = {option: value for option, value in given.items() if option != "hosts"}
    known = left_to_hosts(operation, own)
    registrations: dict[str, _Registration] = {}
    failing: dict[str, str] = {}
    for host in dict.fromkeys(given["hosts"]):
        try:
            options = {**options_of(host, inventory, known), **own}
            if operation.only_with in ("", *options):
                _join(registrations, host, options)
        except ValueError as error:
            failing[host] = f"{showing.plain(host)}: {error}"
    results = [(each, perform(_arguments(each))) for each in registrations.values()]
    for each, result in results:
        if result.get("failed"):
            failing |= dict.fromkeys(each.hosts, str(result["msg"]))
    merged: Result = {
        "changed": any(result.get("changed") for _each, result in results),
        "failed": bool(failing),
        "applications": [_row(each, result) for each, result in results],
        "failing": failing,
    }
    for key in ("diff", "warnings"):
        if collected := [item for _each, result in results for item in _listed(result.get(key))]:
            merged[key] = collected
    return merged | ({"msg": fleet_task.first_of(failing)} if failing else {})


def _join(registrations: dict[str, _Registration], host: str, options: dict[str, Any]) -> None:
    """Add the host to those of its application. Raises ValueError where it declares something else of it."""
    redirect_uri = options.pop("redirect_uris", [])
    key = json.dumps([str(options.get(option, "")) for option in _IDENTITY])
    registration = registrations.setdefault(key, _Registration(options))
    if differences := registration.differences(options):
        raise ValueError(
            f"it declares other things of application '{options.get('unique_name')}' than {registration.hosts[0]} "
            f"({', '.join(differences)}): make them equal, or give it another unique name"
        )
    registration.hosts.append(host)
    uris = redirect_uri if isinstance(redirect_uri, list) else [redirect_uri]
    registration.redirect_uris += [uri for uri in uris if uri not in registration.redirect_uris]


def _arguments(registration: _Registration) -> dict[str, Any]:
    uris = {"redirect_uris": registration.redirect_uris} if registration.redirect_uris else {}
    return {**registration.options, **uris}


def _row(registration: _Registration, result: Result) -> dict[str, Any]:
    name = {"hosts": registration.hosts, "unique_name": registration.options.get("unique_name")}
    return name | {key: value for key, value in result.items() if key not in _OF_ALL}


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
