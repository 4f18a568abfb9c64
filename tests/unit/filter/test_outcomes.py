# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcomes of fleets, by customer."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.filter.outcomes import outcomes

GROUPED: dict[str, Any] = {
    "fleets": {
        "contoso": {
            "tenants": [{"name": "contoso", "tenant_id": "contoso.example"}, {"name": "fabrikam", "tenant_id": ""}]
        },
        "tailspin": {"tenants": [{"name": "tailspin", "tenant_id": "tailspin.example"}]},
    },
    "unusable": {},
}
TAILSPIN = {"name": "tailspin", "state": "granted"}


def test_outcomes_are_found_by_name() -> None:
    contoso, fabrikam = {"name": "contoso", "state": "partial"}, {"name": "fabrikam", "state": "granted"}
    results = [{"item": "contoso", "tenants": [contoso, fabrikam]}, {"item": "tailspin", "tenants": [TAILSPIN]}]
    found = outcomes(GROUPED, results)
    assert found == {"contoso": contoso, "fabrikam": fabrikam, "tailspin": TAILSPIN}


def test_the_loop_may_have_a_variable_of_its_own() -> None:
    result = {"ansible_loop_var": "leader", "leader": "tailspin", "tenants": [TAILSPIN]}
    assert outcomes(GROUPED, [result]) == {"tailspin": TAILSPIN}


@pytest.mark.parametrize("item", ["contoso", {"leader": "contoso", "resource": "xdr"}])
def test_a_fleet_that_failed_as_a_whole_gives_each_of_its_customers_the_reason(item: Any) -> None:
    failed = {"item": item, "msg": "no credential is given: set one"}
    found = outcomes(GROUPED, [failed, {"item": "tailspin", "tenants": [TAILSPIN]}])
    assert found["tailspin"] == TAILSPIN
    assert [found[name]["state"] for name in ("contoso", "fabrikam")] == ["error", "error"]
    assert "contoso (contoso.example) is error: no credential is given: set one" in found["contoso"]["msg"]
    assert found["fabrikam"]["who"] == "provider"


def test_a_host_of_no_fleet_gets_the_reason() -> None:
    found = outcomes({"fleets": {}, "unusable": {"wingtip": "a variable of wingtip cannot be templated"}}, [])
    assert found["wingtip"]["state"] == "error"
    assert found["wingtip"]["msg"].endswith(
        "a variable of wingtip cannot be templated; provider: correct the inventory."
    )


def granted(name: str, *roles: str) -> dict[str, Any]:
    return {"name": name, "state": "granted", "roles": list(roles), "excess_roles": []}


def of_two_tasks(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return the outcome of a customer whose two APIs were asked in one loop."""
    results = [{"item": {"leader": "contoso"}, "tenants": [outcome]} for outcome in (first, second)]
    return outcomes(GROUPED, results)["contoso"]


def test_two_apis_that_are_granted_give_the_roles_of_both() -> None:
    found = of_two_tasks(granted("contoso", "b", "a"), granted("contoso", "c", "a"))
    assert (found["state"], found["roles"]) == ("granted", ["a", "b", "c"])


@pytest.mark.parametrize("swapped", [True, False])
def test_of_two_apis_the_one_that_went_wrong_is_told(swapped: bool) -> None:
    pair = [granted("contoso", "a"), {"name": "contoso", "state": "partial"}]
    assert of_two_tasks(*(reversed(pair) if swapped else pair))["state"] == "partial"


def test_of_two_apis_that_went_wrong_the_first_is_told() -> None:
    found = of_two_tasks({"name": "contoso", "state": "no_service"}, {"name": "contoso", "state": "partial"})
    assert found["state"] == "no_service"
