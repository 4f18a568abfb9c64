# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.mssp.defender.plugins.plugin_utils._leaders import leaders

DOCUMENTATION = r"""
name: fleets
short_description: Group customer hosts into fleets that share one application
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Groups inventory hosts by the application that they are looked after with, so that one task can work for a group.
    Most inventories have a single application and so give a single fleet.
  - Hosts share an application where they have the same fact C(partner_access_application), which the role
    P(mssp.defender.partner_access#role) leaves on them. Without the role all hosts are one fleet.
positional: hostvars
options:
  _input:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show who works for whom
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts | mssp.defender.fleets(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The tenants of each fleet (C(name) and C(tenant_id)), by the name of its first host.
  type: dict
"""


def fleets(hosts: Iterable[str], hostvars: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for host, leader in leaders(hosts, hostvars, "partner_access_application").items():
        tenant = {"name": host, "tenant_id": hostvars[host].get("partner_access_tenant_id", "")}
        found.setdefault(leader, []).append(tenant)
    return found


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"fleets": fleets}
