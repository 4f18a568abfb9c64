# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

DOCUMENTATION = r"""
name: hunt_rows
short_description: Lay out who has rows, for a table
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes the outcomes that M(mssp.defender.defender_hunting) returns for a fleet.
  - Gives one row for each customer where the query found something, most first. The others would hide these.
options:
  _input:
    description: Outcomes of a fleet.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show who has rows
  ansible.builtin.debug:
    msg: "{{ [{'name': 'contoso', 'count': 3, 'truncated': false}] | mssp.defender.hunt_rows }}"
"""

RETURN = r"""
_value:
  description: >-
    Rows with C(customer), C(rows), C(more) (whether there may be more than Microsoft returned) and C(answered) (when).
  type: list
  elements: dict
"""


class HuntRow(TypedDict):
    customer: str
    rows: int
    more: str
    answered: str


def hunt_rows(outcomes: Iterable[Mapping[str, Any]]) -> list[HuntRow]:
    found = sorted((outcome for outcome in outcomes if outcome.get("count")), key=lambda outcome: -outcome["count"])
    return [
        {
            "customer": outcome["name"],
            "rows": outcome["count"],
            "more": "perhaps" if outcome["truncated"] else "",
            "answered": str(outcome.get("finished_at") or "")[:16].replace("T", " "),
        }
        for outcome in found
    ]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"hunt_rows": hunt_rows}
