# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: state_counts
short_description: Count customers by state, in words
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Says how many customers are in each state, in the order in which the states first occur.
options:
  _input:
    description: Rows or outcomes, each with a C(state).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Say how many customers there are in each state
  ansible.builtin.debug:
    msg: "{{ [{'state': 'granted'}, {'state': 'granted'}, {'state': 'partial'}] | mssp.defender.state_counts }}"
"""

RETURN = r"""
_value:
  description: The counts, such as C(2 granted, 1 partial).
  type: str
"""


def state_counts(rows: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(f"{count} {state}" for state, count in Counter(str(row["state"]) for row in rows).items())


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"state_counts": state_counts}
