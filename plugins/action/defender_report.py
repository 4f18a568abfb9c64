# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

from ansible.utils.display import Display

from ansible_collections.mssp.defender.plugins.module_utils._operations import report
from ansible_collections.mssp.defender.plugins.module_utils._operations.report import ReportResult
from ansible_collections.mssp.defender.plugins.module_utils._operations.task_context import TaskContext
from ansible_collections.mssp.defender.plugins.plugin_utils import _report_display
from ansible_collections.mssp.defender.plugins.plugin_utils._action import InProcessAction


def _run_and_print(task: TaskContext) -> ReportResult:
    if Display().verbosity:
        task = replace(task, params={**task.params, "most": None})
    result = report.run(task)
    if result["lines"]:
        _report_display.show(report.table(task.params), task.params["layout"], result["lines"])
    return result


class ActionModule(InProcessAction):
    OPERATION = replace(report.OPERATION, run=_run_and_print)
