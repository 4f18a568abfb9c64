# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.normalized import Normalized, normalized

DOCUMENTATION = r"""
name: incident_rows
short_description: Pick the newest incidents of each customer for a table
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes the outcomes that M(mssp.defender.defender_incidents) returns for a fleet.
  - Gives one row for each of the newest incidents of a customer, in the same shape for either API.
  - A title is cut to 100 characters, because the sender of a mail can choose it.
positional: newest
options:
  _input:
    description: Outcomes of a fleet, each with C(name) and C(incidents).
    type: list
    elements: dict
    required: true
  newest:
    description: How many incidents of a customer to show.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Show the newest incident of each customer
  ansible.builtin.debug:
    msg: "{{ [{'name': 'contoso', 'incidents': []}] | mssp.defender.incident_rows(1) }}"
"""

RETURN = r"""
_value:
  description: Rows with C(customer), C(incident), C(severity), C(status), C(updated), C(title) and C(url), the page
    in Microsoft's portal.
  type: list
  elements: dict
"""


_LONGEST_TITLE = 100


class IncidentRow(TypedDict):
    """`updated` is to the minute, in UTC."""

    customer: str
    incident: str | None
    severity: str | None
    status: str | None
    updated: str
    title: str | None
    url: str | None


def incident_rows(outcomes: Iterable[Mapping[str, Any]], newest: int) -> list[IncidentRow]:
    rows: list[IncidentRow] = []
    for outcome in outcomes:
        incidents = sorted(map(_common, outcome.get("incidents") or []), key=_updated_ticks, reverse=True)
        rows.extend(_row(outcome["name"], incident) for incident in incidents[:newest])
    return rows


def _common(incident: dict[str, Any]) -> Normalized:
    common, known = normalized(incident), incident.get("normalized")
    # a read that normalizes knows the tenant, and so the page in its portal
    return {**common, "url": known.get("url")} if isinstance(known, dict) else common


def _updated_ticks(incident: Normalized) -> int:
    updated = timestamps.ticks_or_none(incident["updated"])
    return timestamps.FIRST if updated is None else updated


def _row(customer: str, incident: Normalized) -> IncidentRow:
    return {
        "customer": customer,
        "incident": incident["id"],
        "severity": incident["severity"],
        "status": incident["status"],
        "updated": (incident["updated"] or "1970-01-01")[:16].replace("T", " "),
        "title": _cut(incident["title"]),
        "url": incident["url"],
    }


def _cut(title: str | None) -> str | None:
    return f"{title[: _LONGEST_TITLE - 3]}..." if title and len(title) > _LONGEST_TITLE else title


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"incident_rows": incident_rows}
