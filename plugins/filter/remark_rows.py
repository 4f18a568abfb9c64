# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

DOCUMENTATION = r"""
name: remark_rows
short_description: Lay out what others may find fault with in an application, for a table
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes the applications that M(mssp.defender.defender_application) returns for hosts.
  - Gives one row for each remark, and for each test of Microsoft's Zero Trust Assessment that an application fails.
options:
  _input:
    description: Applications, each with C(unique_name), C(remarks) and C(zero_trust).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what weakens a consent
  ansible.builtin.debug:
    msg: "{{ [{'unique_name': 'provider-soc', 'remarks': [], 'zero_trust': []}] | mssp.defender.remark_rows }}"
"""

RETURN = r"""
_value:
  description: Rows with C(application), C(weakness) and C(what_to_do).
  type: list
  elements: dict
"""


class RemarkRow(TypedDict):
    application: str
    weakness: str
    what_to_do: str


def remark_rows(applications: Iterable[Mapping[str, Any]]) -> list[RemarkRow]:
    return [row for application in applications for row in _rows(application)]


def _rows(application: Mapping[str, Any]) -> list[RemarkRow]:
    failed = [finding for finding in application.get("zero_trust") or [] if finding["passes"] is False]
    # two tests read the redirect URIs, and say the same of them
    told = {one["what"]: one["remedy"] for one in [*(application.get("remarks") or []), *failed]}
    name = application["unique_name"]
    return [{"application": name, "weakness": what, "what_to_do": remedy} for what, remedy in told.items()]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"remark_rows": remark_rows}
