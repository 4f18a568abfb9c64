# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

DOCUMENTATION = r"""
name: merged_outcomes
short_description: Say where each customer stands by what several jobs found out
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes what jobs handed on as P(mssp.defender.outcome_artifacts#filter) lays it out.
  - A customer that no job handed on is C(not reached), so that work that was never done does not look like a success.
positional: handed_on
options:
  _input:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  handed_on:
    description: What the jobs handed on, one dictionary for each customer.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show who was not reached by any job
  ansible.builtin.debug:
    msg: "{{ ['contoso', 'fabrikam'] | mssp.defender.merged_outcomes([{'name': 'contoso', 'state': 'granted'}]) }}"
"""

RETURN = r"""
_value:
  description:
    - What a task for all the hosts would have returned, C(tenants) and C(failing).
    - And C(strangers), the outcomes of customers that are no hosts of this run.
  type: dict
"""

_MEANING = "no job handed on what became of this customer"
_REMEDY = "launch the workflow again, or run what is missing"


class MergedOutcomes(TypedDict):
    tenants: list[dict[str, str]]
    failing: dict[str, str]
    strangers: list[dict[str, str]]


def merged_outcomes(hosts: Iterable[str], handed_on: Iterable[Mapping[str, str]]) -> MergedOutcomes:
    known = {outcome["name"]: dict(outcome) for outcome in handed_on if outcome.get("state")}
    tenants = [known.pop(host) if host in known else _not_reached(host) for host in hosts]
    failing = {tenant["name"]: tenant["failing"] for tenant in tenants if tenant.get("failing")}
    return {"tenants": tenants, "failing": failing, "strangers": list(known.values())}


def _not_reached(host: str) -> dict[str, str]:
    return {
        "name": host,
        "state": "not reached",
        "meaning": _MEANING,
        "remedy": _REMEDY,
        "who": "provider",
        "failing": f"{host} was not reached ({_MEANING}): {_REMEDY}",
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"merged_outcomes": merged_outcomes}
