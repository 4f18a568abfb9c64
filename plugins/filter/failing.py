# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.mssp.defender.plugins.module_utils._core import errors

DOCUMENTATION = r"""
name: failing
short_description: Say which customers must fail, and why
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Picks the customers whose state is among those that their fleet's setting C(fail_on) names.
  - A host that belongs to no fleet fails in any case. So does one whose C(fail_on) names something that is no state,
    because a misspelling must not hide a failure.
positional: outcomes
options:
  _input:
    description: What M(mssp.defender.defender_fleets) returned, with C(fail_on) among the settings.
    type: dict
    required: true
  outcomes:
    description: The outcomes by customer, as P(mssp.defender.outcomes#filter) gives them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show who must fail
  ansible.builtin.debug:
    msg: "{{ {'fleets': {}, 'unusable': {}} | mssp.defender.failing({}) }}"
"""

RETURN = r"""
_value:
  description: The sentence that says why, by name of the customer.
  type: dict
"""

_STATES = frozenset(errors.WHO_ACTS) - {errors.GRANTED}


def failing(grouped: Mapping[str, Any], outcomes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    fail_on = dict.fromkeys(grouped["unusable"], _STATES)
    for fleet in grouped["fleets"].values():
        fail_on |= dict.fromkeys((tenant["name"] for tenant in fleet["tenants"]), _named(fleet["settings"]["fail_on"]))
    return {name: outcome["msg"] for name, outcome in outcomes.items() if outcome["state"] in fail_on[name]}


def _named(setting: Any) -> frozenset[str]:
    """Return the states that the setting names, a list or a text with commas as Ansible allows it for a list."""
    named = frozenset(str(setting).split(",") if not isinstance(setting, list) else map(str, setting))
    return named if named.issubset(_STATES) else _STATES


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"failing": failing}
