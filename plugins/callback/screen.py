# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: screen
type: stdout
short_description: Show what changes, what fails and reports, and nothing else
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - For people at a terminal. What fails is shown as C(default) shows it, with its play and task. A task that changes
    something is one line for each host. Warnings and diffs are shown too.
  - Nothing is shown of what goes well without a change, such as messages of C(ansible.builtin.debug), and of what is
    skipped. With C(-v) all is shown as C(default) shows it.
  - The recap names the hosts that failed or were unreachable. Where there is none, there is no recap.
  - A report of M(mssp.defender.defender_report) is shown as soon as the next task starts.
    The last one of a run, which no task follows, comes after the recap.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout callback in configuration, C(stdout_callback = mssp.defender.screen)
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from ansible import constants
from ansible.plugins.callback.default import CallbackModule as Default

from ansible_collections.mssp.defender.plugins.plugin_utils import _left_reports


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "mssp.defender.screen"

    def __init__(self) -> None:
        super().__init__()
        self._is_quiet = self._display.verbosity == 0
        self._not_announced: list[Callable[[], None]] = []

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        quiet = {"display_ok_hosts": False, "display_skipped_hosts": False} if self._is_quiet else {}
        super().set_options(task_keys=task_keys, var_options=var_options, direct={**(direct or {}), **quiet})

    def v2_playbook_on_start(self, playbook: Any) -> None:
        _left_reports.wait_for_reports()
        super().v2_playbook_on_start(playbook)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._not_announced = [partial(super().v2_playbook_on_play_start, play)]
        if not self._is_quiet:
            self._announce()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._start(partial(super().v2_playbook_on_task_start, task, is_conditional))

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self._start(partial(super().v2_playbook_on_handler_task_start, task))

    def v2_playbook_on_include(self, included_file: Any) -> None:
        if not self._is_quiet:
            super().v2_playbook_on_include(included_file)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """A pattern that no host matches gets a warning of core's."""
        if not self._is_quiet:
            super().v2_playbook_on_no_hosts_matched()

    def v2_runner_on_ok(self, result: Any) -> None:
        self._went_well(result, super().v2_runner_on_ok)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """The task says for all its items whether it changed something."""
        if not self._is_quiet:
            super().v2_runner_item_on_ok(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._went_well(result, super().v2_runner_on_skipped)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._announce()
        super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        self._announce()
        super().v2_runner_item_on_failed(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._announce()
        super().v2_runner_on_unreachable(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        unwell = {host for counts in (stats.failures, stats.dark) for host, count in counts.items() if count}
        if self._is_quiet:
            stats = copy.copy(stats)
            stats.processed = dict.fromkeys(unwell, 1)
        if stats.processed or (stats.custom and self.get_option("show_custom_stats")):
            super().v2_playbook_on_stats(stats)
        self._print_reports()

    def _start(self, announce: Callable[[], None]) -> None:
        """Announce a task, as soon as its play is."""
        self._print_reports()
        if self._not_announced:
            self._not_announced.append(announce)
        else:
            announce()

    def _announce(self) -> None:
        """Announce the play and the tasks that it began with, unless that is done."""
        for announce in self._not_announced:
            announce()
        self._not_announced = []

    def _went_well(self, result: Any, show: Callable[[Any], None]) -> None:
        if not self._is_quiet:
            show(result)
            return
        # core shows none of those that it does not show; these names work with every core, beside `result.result`
        self._handle_warnings(result._result)  # noqa: SLF001
        if result.is_changed():
            # without the name of its role
            task = result._task.get_name().rpartition(" : ")[2]  # noqa: SLF001
            self._display.display(f"changed: [{self.host_label(result)}] {task}", color=constants.COLOR_CHANGED)

    def _print_reports(self) -> None:
        for report in _left_reports.take():
            self._display.display(report, screen_only=True)
