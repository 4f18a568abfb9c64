# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_report
short_description: Print a table of customers at the end of a run
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Lays rows out as a table and prints it as plain text, whichever output format the run uses.
  - Changes nothing.
options:
  title:
    description:
      - Line above the table.
    type: str
  rows:
    description:
      - The rows, each a dictionary.
    type: list
    elements: dict
    required: true
  columns:
    description:
      - Keys of the rows, in the order of the columns. An underscore is printed as a space.
    type: list
    elements: str
    required: true
attributes:
  action_group:
    support: none
    membership: []
extends_documentation_fragment:
  - mssp.defender._attributes
notes:
  - With C(async) or C(delegate_to) the table is returned, but not printed.
"""

EXAMPLES = r"""
- name: Print where the customers stand
  mssp.defender.defender_report:
    title: Customers
    columns:
      - name
      - state
      - who
    rows:
      - name: contoso
        state: granted
      - name: fabrikam
        state: not_consented
        who: customer admin
"""

RETURN = r"""
lines:
  description: The table, line by line.
  returned: success
  type: list
  elements: str
  sample:
    - name       state           who
    - contoso    granted
    - fabrikam   not_consented   customer admin
"""

from ansible_collections.mssp.defender.plugins.module_utils._module_context import run_module
from ansible_collections.mssp.defender.plugins.module_utils._operations.report import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
