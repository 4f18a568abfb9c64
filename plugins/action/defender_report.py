# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.mssp.defender.plugins.module_utils._operations import report
from ansible_collections.mssp.defender.plugins.plugin_utils._action import InProcessAction


class ActionModule(InProcessAction):
    OPERATION = report.OPERATION

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        if result.get("lines"):
            self._display.display("\n" + "\n".join(result["lines"]) + "\n")
        return result
