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
  - Customers with the most incidents of high severity come first, and else they keep their order.
positional: most
options:
  _input:
    description: Outcomes of a fleet.
    type: list
    elements: dict
    required: true
  most:
    description: At most this many rows of customers, and one row with the sums of all others. By default all.
    type: int
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
    columns: [customer, new, high, medium, low, informational, quarantined, complete_until, file]
    rows: "{{ read.tenants | mssp.defender.written_rows(most=20) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - Rows with C(customer), C(new), C(high), C(medium), C(low), C(informational), C(other), C(redirected),
      C(quarantined), C(complete_until), C(file), C(switched_from) and C(set_aside).
    - C(high) to C(other) count C(new) by severity.
    - C(quarantined) names the incidents that Microsoft could not send. C(complete_until) is empty for a whole read.
    - C(switched_from) and C(set_aside) are empty unless the API changed.
    - The row of all others has sums, how many incidents are quarantined, and the earliest C(complete_until).
  type: list
  elements: dict
"""


class BySeverity(TypedDict):
    high: int
    medium: int
    low: int
    informational: int
    other: int


class WrittenRow(BySeverity):
    customer: str
    new: int
    redirected: int
    quarantined: str
    complete_until: str
    file: str
    switched_from: str
    set_aside: str


def written_rows(outcomes: Iterable[Mapping[str, Any]], most: int | None = None) -> list[WrittenRow]:
    shown = [outcome for outcome in outcomes if outcome.get("dest") and _was_read(outcome)]
    shown.sort(key=lambda outcome: _by_severity(outcome)["high"], reverse=True)
    if most is None or len(shown) <= most:
        return [_row(outcome) for outcome in shown]
    return [*(_row(outcome) for outcome in shown[:most]), _rest(shown[most:])]


def _was_read(outcome: Mapping[str, Any]) -> bool:
    return bool(outcome["state"] == errors.GRANTED or outcome.get("count"))


def _row(outcome: Mapping[str, Any]) -> WrittenRow:
    return {
        "customer": outcome["name"],
        "new": outcome.get("count", 0),
        **_by_severity(outcome),
        "redirected": len(outcome.get("redirects") or []),
        "quarantined": ", ".join(_named(left_out) for left_out in outcome.get("quarantined") or []),
        "complete_until": outcome.get("complete_until") or "",
        "file": outcome["dest"],
        "switched_from": outcome.get("switched_from") or "",
        "set_aside": outcome.get("set_aside") or "",
    }


def _rest(outcomes: list[Mapping[str, Any]]) -> WrittenRow:
    rows = [_row(outcome) for outcome in outcomes]
    quarantined = sum(len(outcome.get("quarantined") or []) for outcome in outcomes)
    return {
        "customer": f"and {len(rows)} more customer{'s' if len(rows) > 1 else ''}",
        "new": sum(row["new"] for row in rows),
        "high": sum(row["high"] for row in rows),
        "medium": sum(row["medium"] for row in rows),
        "low": sum(row["low"] for row in rows),
        "informational": sum(row["informational"] for row in rows),
        "other": sum(row["other"] for row in rows),
        "redirected": sum(row["redirected"] for row in rows),
        "quarantined": f"{quarantined} in all" if quarantined else "",
        "complete_until": min((row["complete_until"] for row in rows if row["complete_until"]), default=""),
        "file": "",
        "switched_from": "",
        "set_aside": "",
    }


def _by_severity(outcome: Mapping[str, Any]) -> BySeverity:
    counts = dict(outcome.get("severities") or {})
    return {
        "high": counts.pop("high", 0),
        "medium": counts.pop("medium", 0),
        "low": counts.pop("low", 0),
        "informational": counts.pop("informational", 0),
        "other": sum(counts.values()),
    }


def _named(left_out: Mapping[str, Any]) -> str:
    # where the list fails over an incident, only the time of its last update is known
    return f"{left_out['id'] or 'updated ' + left_out['updated']} ({left_out['code']})"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"written_rows": written_rows}
