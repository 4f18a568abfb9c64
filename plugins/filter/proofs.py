# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.mssp.defender.plugins.module_utils._core.identity import permissions

DOCUMENTATION = r"""
name: proofs
short_description: Say which tokens prove the consent of each fleet
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - One consent covers every API that is asked for, and each API has a token of its own to prove it.
  - By default a fleet is proven for each API of its C(permissions), by the roles asked for there.
  - The setting C(resource) keeps it to one API. C(required_roles) are those of one API too, the first asked for.
options:
  _input:
    description: The fleets that M(mssp.defender.defender_fleets) returns, with C(resource) among the settings.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is proven of a fleet that asks for nothing in particular
  ansible.builtin.debug:
    msg: "{{ {'contoso': {'settings': {}}} | mssp.defender.proofs }}"
"""

RETURN = r"""
_value:
  description: One entry for each token, with the C(leader) of the fleet, C(resource) and C(required_roles).
  type: list
  elements: dict
"""


def proofs(fleets: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"leader": leader, "resource": resource, "required_roles": roles}
        for leader, fleet in fleets.items()
        for resource, roles in _of_fleet(fleet["settings"])
    ]


def _of_fleet(settings: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    asked = settings.get("permissions") or {}
    required = settings.get("required_roles")
    named = [name for name in permissions.APIS if asked.get(name)] or [permissions.XDR.name]
    if settings.get("resource"):
        named = [settings["resource"]]
    elif required:
        named = named[:1]
    return [(name, required or asked.get(name) or []) for name in named]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"proofs": proofs}
