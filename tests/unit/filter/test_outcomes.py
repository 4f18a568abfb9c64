# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcomes of fleets, by customer."""

from __future__ import annotations

from ansible_collections.mssp.defender.plugins.filter.outcomes import outcomes

FLEETS = {
    "contoso": [{"name": "contoso", "tenant_id": "contoso.example"}, {"name": "fabrikam", "tenant_id": ""}],
    "tailspin": [{"name": "tailspin", "tenant_id": "tailspin.example"}],
}
TAILSPIN = {"name": "tailspin", "state": "granted"}


def test_outcomes_are_found_by_name() -> None:
    contoso, fabrikam = {"name": "contoso", "state": "partial"}, {"name": "fabrikam", "state": "granted"}
    hostvars = {"contoso": {"out": {"tenants": [contoso, fabrikam]}}, "tailspin": {"out": {"tenants": [TAILSPIN]}}}
    found = outcomes(FLEETS, hostvars, "out")
    assert found == {"contoso": contoso, "fabrikam": fabrikam, "tailspin": TAILSPIN}


def test_a_fleet_that_failed_as_a_whole_gives_each_of_its_customers_the_reason() -> None:
    failed = {"msg": "no credential is given: set one"}
    found = outcomes(FLEETS, {"contoso": {"out": failed}, "tailspin": {"out": {"tenants": [TAILSPIN]}}}, "out")
    assert found["tailspin"] == TAILSPIN
    assert [found[name]["state"] for name in ("contoso", "fabrikam")] == ["error", "error"]
    assert "contoso (contoso.example) is error: no credential is given: set one" in found["contoso"]["msg"]
    assert found["fabrikam"]["who"] == "provider"
