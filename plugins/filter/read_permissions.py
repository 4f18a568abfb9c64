# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: read_permissions
short_description: Name the permissions that reading takes
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Gives the application permissions with which incidents, alerts and hunting can be read, of each API.
  - Alerts and hunting are read through Microsoft Graph only.
options:
  _input:
    description: The APIs, V(graph) and V(xdr). A list, or a text with commas.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show what customers are asked for
  ansible.builtin.debug:
    msg: "{{ ['graph', 'xdr'] | mssp.defender.read_permissions }}"
"""

RETURN = r"""
_value:
  description: The permissions, by API.
  type: dict
"""

_TO_READ = {
    "graph": ("SecurityIncident.Read.All", "SecurityAlert.Read.All", "ThreatHunting.Read.All"),
    "xdr": ("Incident.Read.All",),
}


def read_permissions(apis: Iterable[str] | str) -> dict[str, list[str]]:
    names = [name.strip() for name in (apis.split(",") if isinstance(apis, str) else apis)]
    if not names or not set(names).issubset(_TO_READ):
        raise AnsibleFilterError(f"partner_access_apis is {apis}: name graph, xdr or both")
    return {name: list(_TO_READ[name]) for name in names}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"read_permissions": read_permissions}
