# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: fleets
short_description: Group customer hosts into fleets that share one application
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Groups inventory hosts by the settings of the application that they are looked after with, so that one task can work
    for all of a group. Most inventories have a single application and so give a single fleet.
positional: hostvars, settings, current_host
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
  settings:
    description:
      - Values of the settings, without the prefix C(partner_access_), for hosts whose inventory does not set them.
    type: dict
    required: true
  current_host:
    description:
      - The variable C(inventory_hostname).
      - A setting that differs from what this host's inventory says was set by the play, and then holds for every host.
      - Without it the inventory always wins.
    type: str
"""

EXAMPLES = r"""
- name: Group the customers of the play
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts | mssp.defender.fleets(hostvars, {'cloud': 'worldwide'}, inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: Fleets, each with the shared C(settings), the C(leader) (its first host) and its C(tenants).
  type: list
  elements: dict
"""

_PREFIX = "partner_access_"


def fleets(
    hosts: Iterable[str], hostvars: Mapping[str, Any], settings: Mapping[str, Any], current_host: str | None = None
) -> list[dict[str, Any]]:
    current = hostvars[current_host] if current_host else {}
    overridden = {name for name, value in settings.items() if current.get(_PREFIX + name, value) != value}
    found: dict[str, dict[str, Any]] = {}
    for host in hosts:
        variables = hostvars[host]
        own = {
            name: value if name in overridden else variables.get(_PREFIX + name, value)
            for name, value in settings.items()
        }
        fleet = found.setdefault(repr(sorted(own.items())), {"settings": own, "leader": host, "tenants": []})
        fleet["tenants"].append({"name": host, "tenant_id": variables.get(_PREFIX + "tenant_id", "")})
    return list(found.values())


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"fleets": fleets}
