# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.mssp.defender.plugins.module_utils._core import tables

DOCUMENTATION = r"""
name: to_csv
short_description: Render rows as CSV
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Renders a list of dictionaries as CSV with a header line.
  - A text that a spreadsheet would take for a formula is defused with a leading apostrophe, also where it stands behind
    blanks or characters that cannot be seen. Numbers stay as they are.
  - Half of a surrogate pair, which no file can hold, is written as its JSON escape.
positional: columns
options:
  _input:
    description: The rows.
    type: list
    elements: dict
    required: true
  columns:
    description: Keys of the rows, in the order of the columns.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show a table
  ansible.builtin.debug:
    msg: "{{ [{'customer': 'contoso', 'url': 'https://localhost/'}] | mssp.defender.to_csv(['customer', 'url']) }}"
"""

RETURN = r"""
_value:
  description: The table, every value quoted, lines ended by a line feed.
  type: str
"""


def to_csv(rows: Iterable[Mapping[str, Any]], columns: list[str]) -> str:
    return tables.table([columns, *([row.get(column) for column in columns] for row in rows)])


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"to_csv": to_csv}
