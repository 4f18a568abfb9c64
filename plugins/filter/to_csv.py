# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: to_csv
short_description: Render rows as CSV
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Renders a list of dictionaries as CSV with a header line.
  - A text that a spreadsheet would take for a formula is defused with a leading apostrophe.
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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_defused(row.get(column)) for column in columns])
    return text.getvalue()


def _defused(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"to_csv": to_csv}
