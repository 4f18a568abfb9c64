# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Reason
from ansible_collections.mssp.defender.plugins.module_utils._core.outcomes import Outcome, Tenant

DOCUMENTATION = r"""
name: outcomes
short_description: Sort the outcomes of fleets by customer
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Gives the outcome of each customer by name, from tasks that worked for one fleet after the other in a loop.
  - Where the task failed for a whole fleet, each of its customers gets the reason as its outcome.
    So does a host that belongs to no fleet.
positional: results
options:
  _input:
    description: What M(mssp.defender.defender_fleets) returned.
    type: dict
    required: true
  results:
    description: >-
      The results of the loop. Its items are the names of the fleets, or dictionaries with such a name as C(leader).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Look the customers' outcomes up
  ansible.builtin.debug:
    msg: "{{ {'fleets': {}, 'unusable': {}} | mssp.defender.outcomes([]) }}"
"""

RETURN = r"""
_value:
  description: The outcomes, by name of the customer.
  type: dict
"""


def outcomes(grouped: Mapping[str, Any], results: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        item = result[result.get("ansible_loop_var", "item")]
        fleet = grouped["fleets"][item if isinstance(item, str) else item["leader"]]
        rows = result["tenants"] if "tenants" in result else _failed(fleet["tenants"], str(result.get("msg")))
        for row in rows:
            found[row["name"]] = _both(found[row["name"]], row) if row["name"] in found else row
    for name, message in grouped["unusable"].items():
        found[name] = _outcome({"name": name, "tenant_id": ""}, message, "correct the inventory")
    return found


def _both(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outcome of two tasks: what went wrong first, or else the earlier one with the roles of both."""
    if earlier["state"] != errors.GRANTED or later["state"] != errors.GRANTED:
        return dict(later if earlier["state"] == errors.GRANTED else earlier)
    roles = {name: sorted({*earlier[name], *later[name]}) for name in ("roles", "excess_roles") if name in earlier}
    return {**earlier, **roles}


def _failed(tenants: Iterable[Mapping[str, str]], message: str) -> list[dict[str, Any]]:
    return [_outcome(tenant, message, "correct what the message names, and run again") for tenant in tenants]


def _outcome(tenant: Mapping[str, str], message: str, remedy: str) -> dict[str, Any]:
    reason = Reason(errors.ERROR, message, remedy)
    return Outcome(Tenant(tenant["name"], tenant["tenant_id"]), reason, {}).to_result()


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"outcomes": outcomes}
