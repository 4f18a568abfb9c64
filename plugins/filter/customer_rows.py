# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from ansible_collections.mssp.defender.plugins.module_utils._core import errors

DOCUMENTATION = r"""
name: customer_rows
short_description: Lay out where each customer stands, for a table
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes the C(tenants) of the result that an entry of the role P(mssp.defender.partner_access#role) leaves.
  - A host without an outcome gets a row too, so that nobody is missing from the table.
  - Customers that are granted come first, so that those who wait for somebody stand at the end, where a person looks.
positional: tenants, failing
options:
  _input:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  tenants:
    description: The outcomes, each with the host's C(name).
    type: list
    elements: dict
    required: true
  failing:
    description: Why hosts fail the run, by name. It is the reason of one that has no outcome.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Prove each customer's consent
  mssp.defender.defender_token:
    hosts: "{{ ansible_play_batch }}"
  run_once: true
  register: proven

- name: Print where the customers stand
  mssp.defender.defender_report:
    columns: [customer, state, reason, who_acts, what_to_do]
    rows: "{{ ansible_play_hosts_all | mssp.defender.customer_rows(proven.tenants) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: >-
    One row for each host, with C(customer), C(tenant_id), C(state), C(reason), C(who_acts) and C(what_to_do).
  type: list
  elements: dict
"""


class CustomerRow(TypedDict):
    customer: str
    tenant_id: str
    state: str
    reason: str
    who_acts: str
    what_to_do: str


def customer_rows(
    hosts: Iterable[str], tenants: Iterable[Mapping[str, Any]], failing: Mapping[str, str] | None = None
) -> list[CustomerRow]:
    outcomes = {tenant["name"]: tenant for tenant in tenants}
    rows = [_row(host, outcomes.get(host, {}), (failing or {}).get(host, "")) for host in hosts]
    return sorted(rows, key=lambda row: row["state"] != errors.GRANTED)


def _row(host: str, outcome: Mapping[str, Any], failing: str) -> CustomerRow:
    if not outcome:
        return {
            "customer": host,
            "tenant_id": "",
            "state": errors.ERROR if failing else "not reached",
            "reason": failing or "no task got that far, see above",
            "who_acts": errors.PROVIDER if failing else "",
            "what_to_do": "",
        }
    return {
        "customer": host,
        "tenant_id": str(outcome.get("tenant_id") or ""),
        "state": outcome["state"],
        "reason": errors.cause(outcome["meaning"], outcome.get("code")) if outcome.get("meaning") else "",
        "who_acts": outcome.get("who") or "",
        "what_to_do": outcome.get("remedy") or "",
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"customer_rows": customer_rows}
