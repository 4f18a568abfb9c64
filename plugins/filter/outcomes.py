# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
  - Takes the results of a loop over fleets and gives the outcome of each customer by name.
  - Where the task failed for a whole fleet, each of its customers gets the reason as its outcome.
positional: fleets
options:
  _input:
    description: Results of a looped fleet task, in the order of the fleets.
    type: list
    elements: dict
    required: true
  fleets:
    description: The fleets, as P(mssp.defender.fleets#filter) gives them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Look a customer's outcome up
  ansible.builtin.debug:
    msg: "{{ ([{'tenants': [{'name': 'contoso', 'state': 'granted'}]}] | mssp.defender.outcomes([{}])).contoso.state }}"
"""

RETURN = r"""
_value:
  description: The outcomes, by name of the customer.
  type: dict
"""


def outcomes(results: Iterable[Mapping[str, Any]], fleets: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {}
    for result, fleet in zip(results, fleets, strict=True):
        rows = result["tenants"] if "tenants" in result else _failed(fleet, str(result.get("msg")))
        found.update({row["name"]: row for row in rows})
    return found


def _failed(fleet: Mapping[str, Any], message: str) -> list[dict[str, Any]]:
    reason = Reason(errors.ERROR, message, "correct the settings of the application")
    return [Outcome(Tenant(row["name"], row["tenant_id"]), reason, {}).to_result() for row in fleet["tenants"]]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"outcomes": outcomes}
