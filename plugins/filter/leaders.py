# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: leaders
short_description: Say which host works for which others
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Hosts with the same value of a fact are led by the first of them, which does for all what is to be done once.
options:
  _input:
    description: Names of the hosts, in order.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  fact:
    description: Name of the fact, a dictionary.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show who works for whom
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts | mssp.defender.leaders(hostvars, 'partner_access_registration') }}"
"""

RETURN = r"""
_value:
  description: The leader of each host.
  type: dict
"""


def leaders(hosts: Iterable[str], hostvars: Mapping[str, Any], fact: str) -> dict[str, str]:
    first: dict[str, str] = {}
    return {host: first.setdefault(repr(sorted(hostvars[host].get(fact, {}).items())), host) for host in hosts}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"leaders": leaders}
