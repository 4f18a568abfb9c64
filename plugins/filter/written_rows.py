# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from ansible_collections.mssp.defender.plugins.module_utils._core import errors

DOCUMENTATION = r"""
name: written_rows
short_description: Say what was written for each customer, for a table
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes the outcomes of a fleet that M(mssp.defender.defender_incidents) worked for with C(dest).
  - Gives one row for each customer whose incidents were read, and for each whose read came to some before it failed.
options:
  _input:
    description: Outcomes of a fleet.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Add what is new of every customer to its file
  mssp.defender.defender_incidents:
    hosts: "{{ ansible_play_batch }}"
    dest: /var/lib/mssp/incidents
    checkpoint: /var/lib/mssp/checkpoints
  run_once: true
  register: read

- name: Print what was written
  mssp.defender.defender_report:
    columns: [customer, new, redirected, quarantined, complete_until, file]
    rows: "{{ read.tenants | mssp.defender.written_rows }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - Rows with C(customer), C(new), C(redirected), C(quarantined), C(complete_until), C(file), C(switched_from) and
      C(set_aside).
    - C(quarantined) names the incidents that Microsoft could not send. C(complete_until) is empty for a whole read.
    - C(switched_from) and C(set_aside) are empty unless the API changed.
  type: list
  elements: dict
"""


class WrittenRow(TypedDict):
    customer: str
    new: int
    redirected: int
    quarantined: str
    complete_until: str
    file: str
    switched_from: str
    set_aside: str


def written_rows(outcomes: Iterable[Mapping[str, Any]]) -> list[WrittenRow]:
    return [_row(outcome) for outcome in outcomes if outcome.get("dest") and _was_read(outcome)]


def _was_read(outcome: Mapping[str, Any]) -> bool:
    return bool(outcome["state"] == errors.GRANTED or outcome.get("count"))


def _row(outcome: Mapping[str, Any]) -> WrittenRow:
    return {
        "customer": outcome["name"],
        "new": outcome.get("count", 0),
        "redirected": len(outcome.get("redirects") or []),
        "quarantined": ", ".join(_named(left_out) for left_out in outcome.get("quarantined") or []),
        "complete_until": outcome.get("complete_until") or "",
        "file": outcome["dest"],
        "switched_from": outcome.get("switched_from") or "",
        "set_aside": outcome.get("set_aside") or "",
    }


def _named(left_out: Mapping[str, Any]) -> str:
    # where the list fails over an incident, only the time of its last update is known
    return f"{left_out['id'] or 'updated ' + left_out['updated']} ({left_out['code']})"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"written_rows": written_rows}
