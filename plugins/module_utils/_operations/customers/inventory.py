# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provider's customers, from lists and from Microsoft Graph: one for each tenant."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypedDict

from ..._core import clouds
from ..._core.clouds import GUID
from ..._core.customers import domains, lists, merging, partners
from ..._core.customers.customer import Customer
from ..._core.customers.domains import Lookup
from ..._core.errors import OptionError, TenantError
from ..._core.graph import Graph
from ..._core.identity import permissions
from ..._core.identity.access import Target
from ..._core.identity.discovery import Authority, Documents
from ..._core.results import Result
from ..._core.wire.http import Transport
from ..._core.wire.patience import Patience
from ..._core.wire.records import JsonObject
from ..operation import Operation, OptionSpec
from ..options import CONNECTION
from ..session import Session, check_counts
from ..task_context import TaskContext

_OF_TASKS = ("xdr_url", "cache")
_FIND_BY_GRAPH_IN = ("worldwide", "gcc")
_UNKNOWN_SHOWN = 5

ARGUMENTS: dict[str, OptionSpec] = {
    **{option: spec for option, spec in CONNECTION.items() if option not in _OF_TASKS},
    "files": {"type": "list", "elements": "str", "default": []},
    "columns": {"type": "dict", "default": {}},
    "partner": {
        "type": "list",
        "elements": "str",
        "choices": [partners.RELATIONSHIPS, partners.CONTRACTS],
        "default": [],
    },
    "relationship_status": {
        "type": "list",
        "elements": "str",
        "choices": list(partners.STATUSES),
        "default": ["active"],
    },
    "home_tenant_id": {"type": "str"},
    "resolve": {"type": "str", "choices": ["discovery", "graph", "none"], "default": "discovery"},
    "duplicates": {"type": "str", "choices": ["merge", "refuse"], "default": "merge"},
    "concurrency": {"type": "int", "default": 16},
    "strict": {"type": "bool", "default": False},
}


class Answers(TypedDict):
    """What services said: the partner's customers, and the tenant of each domain, None where it has none."""

    partners: list[JsonObject]
    domains: dict[str, str | None]


class InventoryResult(Result, total=False):
    """The customers, and what a later run may bring again."""

    customers: list[Customer]
    answers: Answers


def run(task: TaskContext) -> InventoryResult:
    """Return `customers` (a list of Customer) and `answers`, what services said, for a later run to bring again.

    Beside the options, `params` may have such `answers`. Raises OptionError.
    """
    params = task.params
    check_counts(params)
    if not params["files"] and not params["partner"]:
        raise OptionError("neither files nor partner is given: say where the customers are to be read")
    listed = [each for path in params["files"] for each in lists.read(Path(path), params["columns"])]
    services = _Services(task)
    try:
        wanted = {each.tenant_id for each in listed if params["resolve"] != "none" and not GUID.match(each.tenant_id)}
        had, tenants = _remembered(params.get("answers"), wanted) or (services.partners(), services.tenants_of(wanted))
    except TenantError as error:
        asked = params["partner"] or params["resolve"] == "graph"
        where = f"tenant {params['home_tenant_id']}: " if asked else ""
        return {"failed": True, "msg": f"{where}{error.reason.sentence()}"}
    _tell_of_unknown(task, [each for each in listed if tenants.get(each.tenant_id, "") is None])
    listed = [replace(each, tenant_id=tenants.get(each.tenant_id) or each.tenant_id) for each in listed]
    merged, warnings = merging.of_lists(listed, refuse=params["duplicates"] == "refuse")
    for warning in warnings:
        task.warn(warning)
    answers: Answers = {"partners": [asdict(each) for each in had], "domains": tenants}
    return {"customers": merging.with_partners(merged, had), "answers": answers}


def _remembered(answers: Any, wanted: set[str]) -> tuple[list[Customer], dict[str, str | None]] | None:
    """Return the partner's customers and the tenants of domains from `answers`, or None where they do not suffice."""
    try:
        had = [Customer(**{**each, "sources": tuple(each["sources"])}) for each in answers["partners"]]
        tenants = dict(answers["domains"])
    except (TypeError, KeyError, ValueError):
        # there are none, or they are those of another version
        return None
    return (had, tenants) if wanted <= set(tenants) else None


def _tell_of_unknown(task: TaskContext, customers: list[Customer]) -> None:
    if not customers:
        return
    named = [f"{each.name} ({each.sources[0]}: {each.tenant_id})" for each in customers[:_UNKNOWN_SHOWN]]
    more = f" and {len(customers) - _UNKNOWN_SHOWN} more" if len(customers) > _UNKNOWN_SHOWN else ""
    message = f"no tenant has the domain of {', '.join(named)}{more}: correct the list"
    if task.params["strict"]:
        raise OptionError(message)
    task.warn(f"{message}; until then the domain stands for the tenant")


class _Services:
    """What Microsoft knows: the customers of the partner, and the tenants of domains. Methods raise TenantError."""

    def __init__(self, task: TaskContext) -> None:
        self._task = task
        self._params = task.params

    def partners(self) -> list[Customer]:
        wanted = self._params["partner"]
        if not wanted:
            return []
        graph = self._graphs("partner")()
        found: list[Customer] = []
        if partners.RELATIONSHIPS in wanted:
            found += partners.with_relationships(graph, self._params["relationship_status"])
        if partners.CONTRACTS in wanted:
            found += partners.with_contracts(graph)
        return found

    def tenants_of(self, wanted: set[str]) -> dict[str, str | None]:
        """Return the tenant of each domain, None where it has none."""
        if not wanted:
            return {}
        look_up = self._by_graph() if self._params["resolve"] == "graph" else self._by_discovery()
        return domains.resolve(sorted(wanted), look_up, self._params["concurrency"])

    def _by_discovery(self) -> Callable[[], Lookup]:
        transport = Transport(self._params["ca_path"], self._params["timeout"], self._params["concurrency"])
        authority = Authority(self._cloud(), Documents(transport))
        return lambda: functools.partial(authority.tenant_guid, patience=self._patience())

    def _by_graph(self) -> Callable[[], Lookup]:
        if self._params["cloud"] not in _FIND_BY_GRAPH_IN:
            raise OptionError(f"resolve: graph is not to be had in the cloud {self._params['cloud']}: use discovery")
        graphs = self._graphs("resolve")
        return lambda: functools.partial(partners.tenant_of_domain, graphs())

    def _graphs(self, option: str) -> Callable[[], Graph]:
        """Return what makes a Microsoft Graph of the provider's own tenant, each with patience of its own."""
        for needed, variable in (("home_tenant_id", "AZURE_TENANT_ID"), ("client_id", "AZURE_CLIENT_ID")):
            if not self._params[needed]:
                raise OptionError(f"{needed} is missing, which {option} needs: give it, or set {variable}")
        home = clouds.check_tenant_id(self._params["home_tenant_id"], "home_tenant_id")
        session = Session(self._task, {"client_id": "client_id"})
        cloud, caller = session.cloud, session.caller.name
        target = Target(permissions.resource_of(permissions.GRAPH, cloud), permissions.GRAPH.app_id)

        def make() -> Graph:
            patience = session.patience()
            access = session.access(home, target, [], patience)
            return Graph(cloud.graph_url, session.transport, access, patience, caller, settle_seconds=0)

        return make

    def _cloud(self) -> clouds.Cloud:
        return clouds.select(self._params["cloud"], self._params["authority_url"], self._params["graph_url"])

    def _patience(self) -> Patience:
        return Patience(self._params["retries"], self._params["max_wait"], self._params["tenant_timeout"])


OPERATION = Operation(ARGUMENTS, run=run, returns=InventoryResult)
