# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Reason
from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Outcome, Tenant

DOCUMENTATION = r"""
name: outcomes
short_description: Sort the outcomes of fleets by customer
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes fleets and the variable that the first host of each registered.
  - Gives the outcome of each customer by name.
  - Where the task failed for a whole fleet, each of its customers gets the reason as its outcome.
positional: hostvars, registered
options:
  _input:
    description: The fleets, as P(mssp.defender.fleets#filter) gives them.
    type: dict
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  registered:
    description: Name of the variable that the fleet task registered.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Look a customer's outcome up
  ansible.builtin.debug:
    msg: "{{ {} | mssp.defender.outcomes(hostvars, 'fleet') }}"
"""

RETURN = r"""
_value:
  description: The outcomes, by name of the customer.
  type: dict
"""


def outcomes(
    fleets: Mapping[str, list[dict[str, Any]]], hostvars: Mapping[str, Any], registered: str
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for leader, tenants in fleets.items():
        result = hostvars[leader][registered]
        for each in result.get("results", [result]):
            rows = each["tenants"] if "tenants" in each else _failed(tenants, str(each.get("msg")))
            for row in rows:
                found[row["name"]] = _both(found[row["name"]], row) if row["name"] in found else row
    return found


def _both(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outcome of two tasks: what went wrong first, or else the earlier one with the roles of both."""
    if earlier["state"] != errors.GRANTED or later["state"] != errors.GRANTED:
        return dict(later if earlier["state"] == errors.GRANTED else earlier)
    roles = {name: sorted({*earlier[name], *later[name]}) for name in ("roles", "excess_roles") if name in earlier}
    return {**earlier, **roles}


def _failed(tenants: list[dict[str, Any]], message: str) -> list[dict[str, Any]]:
    reason = Reason(errors.ERROR, message, "correct the settings of the application")
    return [Outcome(Tenant(tenant["name"], tenant["tenant_id"]), reason, {}).to_result() for tenant in tenants]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"outcomes": outcomes}
