# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_report
short_description: Print a table that fits the terminal
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Lays rows out as a table and prints it as plain text, whichever output format the run uses.
  - On a terminal it is no wider than the terminal. Cells wrap within their columns, and a table for which there is too
    little room becomes a list. The Python library C(rich) measures and wraps texts where it is installed for Ansible's
    Python.
  - A value that begins with V(https://) is never broken or cut, so that it can be clicked and copied.
  - In columns named V(state) and V(result) the values have Ansible's colours for what is well, changed, wrong or waits
    for somebody. There are none where Ansible uses no colour, for example with C(NO_COLOR) set, nor in AWX.
  - Elsewhere, in a pipe, a file or AWX, each row of the table is one line.
  - Changes nothing.
options:
  title:
    description:
      - Line above the rows.
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
  layout:
    description:
      - V(table) has a line for each row, or several where the terminal is too narrow for one.
      - V(list) has a block for each row. It begins with the value of the first column, and the others that are not
        empty stand below it, each with its name.
    type: str
    choices: [table, list]
    default: table
  most:
    description:
      - How many rows to print. Below them a line says how many there are more.
      - Without it, and in process with C(-v), all are printed.
    type: int
attributes:
  action_group:
    support: none
    membership: []
extends_documentation_fragment:
  - mssp.defender._attributes
notes:
  - With C(async) or C(delegate_to) the report is returned, but not printed.
seealso:
  - plugin: mssp.defender.screen
    plugin_type: callback
    description: Prints the last report of a run at its very end.
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

- name: Print the links, each on a line of its own
  mssp.defender.defender_report:
    title: Consent links
    layout: list
    columns:
      - name
      - url
    rows:
      - name: contoso
        url: https://login.microsoftonline.com/44444444-4444-4444-4444-444444444444/v2.0/adminconsent?client_id=...
"""

RETURN = r"""
lines:
  description: The report, line by line, without colours and as if there were room for every line.
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
