# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One tenant or the fleet: the tenants an operation works for, and the shape of what it returns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .._core import files, fleet
from .._core.errors import GRANTED, OptionError
from .._core.fleet import Outcome, Progress, Tenant, Work


def given(params: dict[str, Any]) -> list[Tenant]:
    """Return the tenants of the task. Raises OptionError for none, and for a name given twice."""
    if params["tenants"] is None:
        if not params["tenant_id"]:
            raise OptionError("no tenant is given: set tenant_id, or tenants for a fleet")
        return [Tenant(params["tenant_id"], params["tenant_id"])]
    tenants = [Tenant(item["name"] or item["tenant_id"] or "", item["tenant_id"] or "") for item in params["tenants"]]
    if twice := named_twice(tenants):
        raise OptionError(
            f"tenants names {', '.join(map(repr, twice))} more than once: give each tenant a name of its own"
        )
    return tenants


def named_twice(tenants: Collection[Tenant]) -> list[str]:
    """Return the names that more than one of the tenants has: outcomes are told apart by them."""
    names = [tenant.name for tenant in tenants]
    return sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []


def run(params: dict[str, Any], work: Mapping[Tenant, Work], progress: Progress | None = None) -> dict[str, Any]:
    """Do the work of the tenants given and return the task's result: one outcome, or `tenants` and `summary`.

    `progress` is told of a fleet only.
    """
    if params["tenants"] is None:
        return _single(fleet.run(work.items(), concurrency=1)[0])
    return _fleet(fleet.run(work.items(), params["concurrency"], progress), params["fail_on"])


def file_of(params: dict[str, Any], option: str, tenant: Tenant, suffix: str, check_mode: bool = False) -> Path | None:
    """Return the file that `option` names for this tenant: the path itself, or for a fleet a file in that folder.

    Raises OptionError where it cannot be one. In check mode its folder may be missing: the task before would make it.
    """
    if not params[option]:
        return None
    path = Path(params[option])
    check_folder(option, path.parent if params["tenants"] is None else path, check_mode)
    if params["tenants"] is None:
        if path.is_dir():
            raise OptionError(f"{option}: {path} is a folder: name a file in it")
        return path
    if "/" in tenant.name or tenant.name.startswith("."):
        raise OptionError(f"tenants: the name '{tenant.name}' cannot name a file in {option}: rename it")
    return path / f"{tenant.name}{suffix}"


def check_folder(option: str, folder: Path, check_mode: bool) -> None:
    """Raise OptionError unless files can be put into the folder, or it is missing in check mode."""
    if folder.exists() or not check_mode:
        files.check_folder(option, folder)


def _single(outcome: Outcome) -> dict[str, Any]:
    result = outcome.to_result()
    return {"changed": False, "failed": outcome.state != GRANTED} | {k: v for k, v in result.items() if k != "name"}


def _fleet(outcomes: list[Outcome], fail_on: list[str]) -> dict[str, Any]:
    results = [outcome.to_result() for outcome in outcomes]
    diffs = [result.pop("diff") for result in results if "diff" in result]
    failing = [outcome for outcome in outcomes if outcome.state in fail_on]
    result: dict[str, Any] = {
        "changed": any(result.pop("changed", False) for result in results),
        "failed": bool(failing),
        "tenants": results,
        "summary": fleet.summary(outcomes),
    }
    if diffs:
        result["diff"] = diffs
    if failing:
        others = f" (and {len(failing) - 1} more)" if len(failing) > 1 else ""
        result["msg"] = f"{failing[0].sentence()}{others}"
    return result
