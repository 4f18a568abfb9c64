# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task for many hosts of a play: the operation for each group of them, and one result for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeGuard

from ._core import errors
from ._core.errors import OptionError, Reason
from ._core.outcomes import Outcome, Tenant
from ._core.results import Diff, Result, diffs
from ._operations import fleet_task
from ._operations.fleet_task import FleetResult
from ._operations.hosts import Group, by_variable, group, left_to_hosts, unset
from ._operations.operation import Operation
from ._operations.task_context import Inventory, Params

Perform = Callable[[Params], Result]
"""Runs the operation with the arguments of one group; what goes wrong is `failed` and `msg` in its result."""

_OF_ALL = ("changed", "failed", "msg", "tenants", "summary", "failing", "diff", "warnings")


class HostsResult(Result, total=False):
    """One result for all: with each customer's outcome stands what its group's result said of all in the group."""

    tenants: list[Mapping[str, object]]
    summary: dict[str, int]
    failing: dict[str, str]


def run(operation: Operation, given: Params, inventory: Inventory, perform: Perform) -> HostsResult:
    """Work for the hosts that the task names and return what became of each customer, in the order of the hosts.

    What the task does not say itself, the variables of each host say. A group that cannot be worked on gives its
    customers the reason as their outcome and stops no other. Raises OptionError for other tenants beside the hosts, and
    where no group can be worked on, for the one reason that all have in common.
    """
    if beside := [option for option in ("tenant_id", "tenants") if given.get(option)]:
        raise OptionError(f"hosts and {beside[0]} are both given: the task works for one or the other")
    own = {option: value for option, value in given.items() if option != "hosts"}
    known = left_to_hosts(operation, own)
    grouping = group(given["hosts"], inventory, known)
    merged = _Merged()
    for each in grouping.groups:
        why = unset(operation, {**each.options, **own}, known)
        if not why:
            result = perform({**each.options, **own, "tenants": each.tenants})
            if _is_of_fleet(result):
                merged.add(result)
                continue
            why = by_variable(str(result.get("msg")), known)
        merged.refuse(each, why)
    merged.check_that_some_can_be_worked_for(len(set(given["hosts"])))
    for name, why in grouping.unusable.items():
        merged.leave_out(name, why)
    return merged.result(given["hosts"])


class _Merged:
    """The results of the groups on their way into one."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Mapping[str, object]] = {}
        self._failing: dict[str, str] = {}
        self._states: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._diffs: list[Diff] = []
        self._warnings: list[str] = []
        self._changed = False
        self._censored = False

    def add(self, result: FleetResult) -> None:
        """Take the result of a group; what it says of the group stands with each of its customers."""
        own = {key: value for key, value in result.items() if key not in _OF_ALL and not key.startswith("_")}
        self._outcomes |= {outcome["name"]: {**own, **outcome} for outcome in result["tenants"]}
        self._failing |= result.get("failing", {})
        self._states.update(result.get("summary", {}))
        self._changed |= result["changed"]
        self._censored |= result.get("_ansible_no_log", False)
        self._diffs += [diff for diff in diffs(result) if diff not in self._diffs]
        self._warnings += [warning for warning in result.get("warnings", []) if warning not in self._warnings]

    def refuse(self, refused: Group, why: str) -> None:
        """Take the reason why a group could not be worked on: an option that is wrong is no state of a customer."""
        self._refused[why] += len(refused.tenants)
        for tenant in refused.tenants:
            reason = Reason(errors.ERROR, why, "correct what the message names, and run again")
            self._fail(Outcome(Tenant(tenant["name"], tenant["tenant_id"]), reason))

    def check_that_some_can_be_worked_for(self, of_all: int) -> None:
        """Raise OptionError where all customers, and more than one, are refused for the same reason."""
        for why, count in self._refused.items():
            if count == of_all > 1:
                raise OptionError(f"for all {count} customers: {why}")

    def leave_out(self, name: str, why: str) -> None:
        """Take the reason why a host is no customer's."""
        self._fail(Outcome(Tenant(name, ""), Reason(errors.ERROR, why, "correct the inventory")))

    def result(self, hosts: Iterable[str]) -> HostsResult:
        """Return the task's result, with the customers in the order of the hosts."""
        names = list(dict.fromkeys(hosts))
        failing = {name: self._failing[name] for name in names if name in self._failing}
        result: HostsResult = {
            "changed": self._changed,
            "failed": bool(failing),
            "tenants": [self._outcomes[name] for name in names],
            "summary": dict(sorted(self._states.items())),
            "failing": failing,
        }
        if self._diffs:
            result["diff"] = self._diffs
        if self._warnings:
            result["warnings"] = self._warnings
        if failing:
            result["msg"] = fleet_task.first_of(failing)
        if self._censored:
            result["_ansible_no_log"] = True
        return result

    def _fail(self, outcome: Outcome[Result]) -> None:
        """Take an outcome that fails the task, whatever `fail_on` says."""
        self._outcomes[outcome.tenant.name] = fleet_task.outcome_result(outcome)
        self._states[outcome.state] += 1
        self._failing[outcome.tenant.name] = outcome.sentence()


def _is_of_fleet(result: Result) -> TypeGuard[FleetResult]:
    """Tell whether the operation came to work for the tenants."""
    return "tenants" in result
