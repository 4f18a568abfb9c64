# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One tenant or the fleet: the tenants an operation works for, and the shape of what it returns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from .._core import files, fleet
from .._core.characters import visible
from .._core.customers.customer import file_fault, sharing_files
from .._core.errors import ERROR, GRANTED, OptionError, Reason, TenantError
from .._core.fleet import Progress
from .._core.outcomes import Outcome, Tenant, TenantResult, Work, outcome_of, summary
from .._core.results import Result, diffs
from .._core.waiting import wait_out
from .task_context import Params


class OutcomeResult(TenantResult, total=False):
    """The outcome of one tenant of a fleet, with what the operation returned for it."""

    name: str


class FleetResult(Result, total=False):
    """What became of a fleet. `failing` says why a tenant fails the task, by its name."""

    tenants: list[OutcomeResult]
    summary: dict[str, int]
    failing: dict[str, str]


class TenantsResult(TenantResult, FleetResult, total=False):
    """What a task in customers' tenants returns, in both its forms: for one tenant, and for a fleet."""


def given(params: Params, *folders: str) -> list[Tenant]:
    """Return the tenants of the task. Raises OptionError for none, and for a name given twice.

    `folders` are the options that name a folder with a file for each tenant. Where one of them is given, a tenant whose
    name can be no file's, or could be that of another tenant's file, has a `fault`.
    """
    if params["tenants"] is None:
        if not params["tenant_id"]:
            raise OptionError("no tenant is given: set tenant_id, or tenants for a fleet")
        return [Tenant(params["tenant_id"], params["tenant_id"])]
    tenants = [Tenant(item["name"] or item["tenant_id"] or "", item["tenant_id"] or "") for item in params["tenants"]]
    if twice := named_twice(tenants):
        raise OptionError(
            f"tenants names {', '.join(map(repr, twice))} more than once: give each tenant a name of its own"
        )
    return _with_faults(tenants) if any(params[option] for option in folders) else tenants


def named_twice(tenants: Collection[Tenant]) -> list[str]:
    """Return the names that more than one of the tenants has: outcomes are told apart by them."""
    names = [tenant.name for tenant in tenants]
    return sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []


def run(
    params: Params, work: Mapping[Tenant, Work[Result]], progress: Progress | None = None
) -> TenantResult | FleetResult:
    """Do the work of the tenants given and return the task's result: one outcome, or `tenants` and `summary`.

    `progress` is told of a fleet only.
    """
    work = {tenant: _refusing(tenant.fault) if tenant.fault else job for tenant, job in work.items()}
    if params["tenants"] is None:
        ((tenant, job),) = work.items()
        return _single(wait_out(outcome_of, tenant, job))
    return _fleet(fleet.run(work.items(), params["concurrency"], progress), params["fail_on"])


def file_of(
    params: Params,
    option: str,
    tenant: Tenant,
    suffix: str,
    check_mode: bool = False,
    is_read_back: bool = False,
) -> Path | None:
    """Return the file that `option` names for this tenant: the path itself, or for a fleet a file in that folder.

    There is none where the option is not given, and for a tenant with a fault. Raises OptionError where it cannot be
    one. The folder of a fleet is made where it is missing, but for check mode. A file that `is_read_back` must lie
    where nobody else can put one.
    """
    if not params[option] or tenant.fault:
        return None
    path = Path(params[option])
    if params["tenants"] is not None and not check_mode:
        files.make_folder(path)
    check_folder(option, path.parent if params["tenants"] is None else path, check_mode, is_read_back)
    if params["tenants"] is None:
        if path.is_dir():
            raise OptionError(f"{option}: {path} is a folder: name a file in it")
        return path
    if file_fault(tenant.name):
        raise OptionError(f"tenants: the name '{visible(tenant.name)}' cannot name a file in {option}: rename it")
    return path / f"{tenant.name}{suffix}"


def check_folder(option: str, folder: Path, check_mode: bool, is_read_back: bool = False) -> None:
    """Raise OptionError unless files can be put into the folder, or it is missing in check mode."""
    if folder.exists() or not check_mode:
        check = files.check_own_folder if is_read_back else files.check_folder
        check(option, folder)


def _with_faults(tenants: list[Tenant]) -> list[Tenant]:
    others = sharing_files(tenant.name for tenant in tenants)
    return [replace(tenant, fault=_fault(tenant.name, others.get(tenant.name))) for tenant in tenants]


def _fault(name: str, other: str | None) -> Reason | None:
    """Return why there can be no file for a tenant; `other` is a name that some disks take for the same."""
    shown = visible(name)
    if why := file_fault(name):
        return Reason(ERROR, f"no file can have the name '{shown}', because {why}", "rename the tenant")
    if other:
        meaning = f"some disks take the files of '{shown}' and '{visible(other)}' for one"
        return Reason(ERROR, meaning, "rename one of them")
    return None


def _refusing(reason: Reason) -> Work[Result]:
    def work() -> Result:
        raise TenantError(reason)

    return work


def outcome_result(outcome: Outcome[Result]) -> OutcomeResult:
    """Return the outcome as it stands in the result of a fleet."""
    return {"name": outcome.tenant.name, **outcome.to_result()}


def _single(outcome: Outcome[Result]) -> TenantResult:
    return {"changed": False, "failed": outcome.state != GRANTED, **outcome.to_result()}


def _fleet(outcomes: list[Outcome[Result]], fail_on: list[str]) -> FleetResult:
    results = [outcome_result(outcome) for outcome in outcomes]
    shown = [diff for result in results for diff in diffs(result)]
    for result in results:
        result.pop("diff", None)
    changes = [result.pop("changed", False) for result in results]
    failing = {outcome.tenant.name: outcome.sentence() for outcome in outcomes if outcome.state in fail_on}
    of_all: FleetResult = {
        "changed": any(changes),
        "failed": bool(failing),
        "tenants": results,
        "summary": summary(outcomes),
        "failing": failing,
    }
    if shown:
        of_all["diff"] = shown
    if failing:
        of_all["msg"] = first_of(failing)
    return of_all


def first_of(failing: Mapping[str, str]) -> str:
    """Return one sentence for all who fail: the first one's, and how many there are more."""
    first, *others = failing.values()
    return f"{first} (and {len(others)} more)" if others else first
