# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection
from typing import Any

DOCUMENTATION = r"""
name: misspelt
short_description: Name the hosts or groups that a pattern probably meant
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Looks at each name in a pattern of hosts, such as a target or a limit, that there is not, and finds the nearest one.
  - Names with wildcards, regular expressions and files of hosts are left alone.
options:
  _input:
    description: The pattern.
    type: str
    required: true
  names:
    description: The names that there are, of hosts and groups.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Say what a limit probably meant
  ansible.builtin.debug:
    msg: "{{ 'contosso:fabrikam' | mssp.defender.misspelt(['contoso', 'fabrikam']) }}"
"""

RETURN = r"""
_value:
  description: A question for each misspelt name, such as C(did you mean contoso instead of contosso?).
  type: list
  elements: str
"""

_NAME = re.compile(r"[^,:;&!\s]+")
_MORE_THAN_A_NAME = re.compile(r"[*?~@\[\]]")


def misspelt(pattern: str, names: Collection[str]) -> list[str]:
    words = [word for word in dict.fromkeys(_NAME.findall(pattern)) if not _MORE_THAN_A_NAME.search(word)]
    near = {word: difflib.get_close_matches(word, names, n=1) for word in words if word not in names}
    return [f"did you mean {found[0]} instead of {word}?" for word, found in near.items() if found]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"misspelt": misspelt}
