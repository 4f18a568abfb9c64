# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How the modules behave as Ansible sees it."""

    DOCUMENTATION = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/mssp.defender.defender) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - mssp.defender.defender
  async:
    description: >-
      Supports the C(async) keyword. The work is then done by the real module on the task's host,
      so that a customer's host needs C(connection) set to V(local), or the task a C(delegate_to).
    support: full
  check_mode:
    description: Can run in C(check_mode) and return the same without changing anything.
    support: full
  delegation:
    description: Runs in process on the controller, or as a real module on the host that C(delegate_to) names.
    support: full
  platform:
    description: Where the code runs.
    platforms: posix
    support: full
"""
