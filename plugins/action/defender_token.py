# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mssp.defender.plugins.module_utils._operations.consent import token
from ansible_collections.mssp.defender.plugins.plugin_utils._action import InProcessAction


class ActionModule(InProcessAction):
    OPERATION = token.OPERATION
