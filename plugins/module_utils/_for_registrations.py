# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task of the registrar for many hosts of a play: the operation for each application that they share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ._core import showing
from ._core.results import Result, diffs
from ._operations import fleet_task
from ._operations.hosts import by_variable, left_to_hosts, options_of, unset
from ._operations.operation import Operation
from ._operations.options import OF_REGISTRAR
from ._operations.provider.home_tenant import RegistrarResult, SharedResult
from ._operations.task_context import Inventory, Params

Perform = Callable[[Params], Result]

# what says which application is meant; the rest of the registrar's options says how its directory is reached
_IDENTITY = ("tenant_id", "unique_name", "cloud", "authority_url", "graph_url")
_OF_ALL: tuple[Literal["failed", "diff", "warnings"], ...] = ("failed", "diff", "warnings")


@dataclass
class _Registration:
    """An application as the first of its hosts declares it, with the redirect URIs of all."""

    options: Params
    hosts: list[str] = field(default_factory=list)
    redirect_uris: list[str] = field(default_factory=list)

    def differences(self, options: Params) -> list[str]:
        """Return which options another host declares differently."""
        both = {*self.options, *options} - set(OF_REGISTRAR)
        return sorted(option for option in both if self.options.get(option) != options.get(option))


def run(operation: Operation, given: Params, inventory: Inventory, perform: Perform) -> RegistrarResult:
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
    results = [(each, _perform(operation, each, known, perform)) for each in registrations.values()]
    for each, result in results:
        if result.get("failed"):
            failing |= dict.fromkeys(each.hosts, by_variable(str(result["msg"]), known))
    merged: RegistrarResult = {
        "changed": any(result.get("changed") for _each, result in results),
        "failed": bool(failing),
        "applications": [_row(each, result) for each, result in results],
        "failing": failing,
        "client_ids": {host: app_id for each, result in results if (app_id := _app_id(result)) for host in each.hosts},
    }
    if shown := [diff for _each, result in results for diff in diffs(result)]:
        merged["diff"] = shown
    if warnings := [warning for _each, result in results for warning in result.get("warnings", [])]:
        merged["warnings"] = warnings
    if failing:
        merged["msg"] = fleet_task.first_of(failing)
    return merged


def _perform(operation: Operation, registration: _Registration, known: Mapping[str, str], perform: Perform) -> Result:
    """Run the operation for the application, unless its hosts leave out what it takes."""
    if lacking := unset(operation, registration.options, known):
        return {"failed": True, "changed": False, "msg": lacking}
    return perform(_arguments(registration))


def _join(registrations: dict[str, _Registration], host: str, options: Params) -> None:
    """Add the host to those of its application. Raises ValueError where it declares something else of it."""
    redirect_uri = options.get("redirect_uris", [])
    options = {option: value for option, value in options.items() if option != "redirect_uris"}
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


def _arguments(registration: _Registration) -> Params:
    uris = {"redirect_uris": registration.redirect_uris} if registration.redirect_uris else {}
    return {**registration.options, **uris}


def _app_id(result: Mapping[str, Any]) -> str | None:
    """Return the ID of the application that a result is about, None where it is not registered yet."""
    found: str | None = {**result, **(result.get("application") or {})}.get("app_id")
    return found


def _row(registration: _Registration, result: Result) -> SharedResult:
    name = registration.options.get("unique_name")
    dest = registration.options.get("dest")
    kept: SharedResult = {"dest": dest} if dest else {}
    row: SharedResult = {"hosts": registration.hosts, "unique_name": name, **result, **kept}
    for key in _OF_ALL:
        row.pop(key, None)
    return row
