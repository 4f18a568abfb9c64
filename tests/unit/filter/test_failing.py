# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who must fail is what each fleet's own setting says."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.filter.failing import failing

STATES = {"contoso": "granted", "fabrikam": "unreachable", "tailspin": "unreachable", "wingtip": "error"}
OUTCOMES = {name: {"state": state, "msg": f"{name} is {state}"} for name, state in STATES.items()}


def fleet(fail_on: Any, *names: str) -> dict[str, Any]:
    return {"settings": {"fail_on": fail_on}, "tenants": [{"name": name, "tenant_id": ""} for name in names]}


def test_each_fleet_says_which_states_fail() -> None:
    fleets = {"contoso": fleet(["unreachable"], "contoso", "fabrikam"), "tailspin": fleet(["blocked"], "tailspin")}
    found = failing({"fleets": fleets, "unusable": {}}, {name: OUTCOMES[name] for name in list(STATES)[:3]})
    assert found == {"fabrikam": "fabrikam is unreachable"}


@pytest.mark.parametrize(
    ("fail_on", "failed"), [("unreachable,blocked", True), ("unreachible", True), ("blocked", False)]
)
def test_a_setting_may_be_a_text_and_a_misspelling_fails_all(fail_on: str, failed: bool) -> None:
    found = failing(
        {"fleets": {"fabrikam": fleet(fail_on, "fabrikam")}, "unusable": {}}, {"fabrikam": OUTCOMES["fabrikam"]}
    )
    assert bool(found) is failed


def test_a_host_of_no_fleet_always_fails() -> None:
    found = failing(
        {"fleets": {"contoso": fleet([], "contoso")}, "unusable": {"wingtip": "why"}},
        {name: OUTCOMES[name] for name in ("contoso", "wingtip")},
    )
    assert found == {"wingtip": "wingtip is error"}
