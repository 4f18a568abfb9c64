# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

DOCUMENTATION = r"""
name: triage_rows
short_description: Lay out what triage changes, for a table
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes the outcomes that M(mssp.defender.defender_triage) returns for a fleet.
  - Gives one row for each incident that a rule wants to be otherwise, in check mode as well.
options:
  _input:
    description: Outcomes of a fleet, each with C(name) and C(changes).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what triage changes
  ansible.builtin.debug:
    msg: "{{ [{'name': 'contoso', 'changes': []}] | mssp.defender.triage_rows }}"
"""

RETURN = r"""
_value:
  description: Rows with C(customer), C(incident), C(title), C(rule), C(result) and C(change).
  type: list
  elements: dict
"""


class TriageRow(TypedDict):
    customer: str
    incident: str
    title: str
    rule: str
    result: str
    change: str


def triage_rows(outcomes: Iterable[Mapping[str, Any]]) -> list[TriageRow]:
    return [_row(outcome["name"], change) for outcome in outcomes for change in outcome.get("changes") or []]


def _row(customer: str, change: Mapping[str, Any]) -> TriageRow:
    fields = [_field(name, change["before"][name], after) for name, after in change["after"].items()]
    return {
        "customer": customer,
        "incident": change["incident_id"],
        "title": change["title"],
        "rule": change["rule"],
        "result": change["result"],
        "change": "; ".join([*fields, *([change["msg"]] if "msg" in change else [])]),
    }


def _field(name: str, before: Any, after: Any) -> str:
    if name == "comment":
        return f'comment "{after}"'
    if name == "tags":
        added = [f"+{tag}" for tag in after if tag not in before]
        return " ".join([name, *added, *(f"-{tag}" for tag in before if tag not in after)])
    return f"{name} {after or 'nobody'}"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"triage_rows": triage_rows}
