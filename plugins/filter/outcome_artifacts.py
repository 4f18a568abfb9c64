# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: outcome_artifacts
short_description: Lay out where customers stand, for the jobs that follow
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes the C(tenants) of the result that an entry of the role P(mssp.defender.partner_access#role) leaves.
  - Gives one variable for each customer, under a name of its own, because a controller merges what the slices of a job
    hand on name by name, and of two equal names keeps the one that came last.
  - What is handed on comes back as an extra variable, and Ansible takes those for templates. So the braces that begin
    a template stand apart, wherever a text came from.
positional: failing
options:
  _input:
    description: The outcomes, each with the customer's C(name).
    type: list
    elements: dict
    required: true
  failing:
    description: The sentence for which a customer fails, by customer.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Hand the outcomes on
  ansible.builtin.set_stats:
    data: "{{ [{'name': 'contoso', 'state': 'granted'}] | mssp.defender.outcome_artifacts({}) }}"
    aggregate: false
"""

RETURN = r"""
_value:
  description:
    - A dictionary for each customer, under C(partner_access_outcome_) and 16 digits made of its name.
    - It has C(name), C(state), C(code), C(meaning), C(remedy), C(who) and C(failing), each a text.
  type: dict
"""

_HANDED_ON = ("state", "code", "meaning", "remedy", "who")
_BEGIN_OF_TEMPLATE = re.compile(r"\{(?=[{%#])|^(?=#jinja2:)")


def outcome_artifacts(tenants: Iterable[Mapping[str, Any]], failing: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {_variable(tenant["name"]): _artifact(tenant, failing.get(tenant["name"], "")) for tenant in tenants}


def _variable(name: str) -> str:
    return f"partner_access_outcome_{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _artifact(tenant: Mapping[str, Any], failing: str) -> dict[str, str]:
    fields = {"name": tenant["name"], **{key: tenant.get(key) or "" for key in _HANDED_ON}, "failing": failing}
    return {key: _BEGIN_OF_TEMPLATE.sub(r"\g<0> ", str(value)) for key, value in fields.items()}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"outcome_artifacts": outcome_artifacts}
