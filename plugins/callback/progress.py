# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: notification
short_description: Show how far a fleet task is
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Shows, while a task with O(mssp.defender.defender_token#module:tenants) runs, how many customers are done, how many
    of them are C(granted) and how many are not, how many wait, how many are done in a second, and how much time is
    left.
  - Those who wait were throttled, or have not consented yet, and are taken up again.
    Those who are not C(granted) ended in another state. Most of these, such as C(not_consented), are no failure.
    The result of the task says which they are.
  - A task that proves several APIs of each customer counts a customer once, when the last one is proved.
  - On a terminal this is a bar in the last row, with as much of that as the row has room for.
    The Python library C(rich) draws it where it is installed.
  - Elsewhere, in AWX, and on a terminal without room for it, it is a line for each fleet at intervals, and one when it
    ends.
  - It writes to stderr only. Where stderr goes to the same place as stdout, and the stdout callback is another than
    C(mssp.defender.screen), C(default), C(minimal), C(oneline), C(debug) or C(yaml), nothing is shown,
    so that the output of C(json) and the like stays whole.
  - Nothing is shown of tasks that are delegated to another host or run with C(async).
options:
  interval:
    description: Seconds between two lines, at least 1, where there is no bar.
    type: float
    default: 10
    ini:
      - section: callback_mssp_defender_progress
        key: interval
    env:
      - name: MSSP_DEFENDER_PROGRESS_INTERVAL
requirements:
  - enable in configuration, C(callbacks_enabled = mssp.defender.progress)
"""

import atexit
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible_collections.mssp.defender.plugins.plugin_utils import _progress
from ansible_collections.mssp.defender.plugins.plugin_utils._progress_display import Screen, choose

_Handler = Callable[[int, FrameType | None], object] | int | None
_MOMENT = 1.0


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "mssp.defender.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watcher: _Watcher | None = None

    def v2_playbook_on_task_start(self, task: Any, **_unused: Any) -> None:
        self._stop()
        if str(task.resolved_action).startswith("mssp.defender."):
            self._start()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self.v2_playbook_on_task_start(task)

    def v2_runner_on_ok(self, *_unused: Any, **_also_unused: Any) -> None:
        """A result, of a host or of one item of a loop, may be that of a fleet."""
        if self._watcher:
            self._watcher.conclude()

    v2_runner_on_failed = v2_runner_item_on_ok = v2_runner_item_on_failed = v2_runner_on_ok

    def v2_playbook_on_stats(self, *_unused: Any) -> None:
        self._stop()

    def _start(self) -> None:
        screen = choose(self._display, max(1.0, self.get_option("interval")))
        if screen:
            _progress.watch()
            self._watcher = _Watcher(screen)

    def _stop(self) -> None:
        if self._watcher:
            self._watcher.stop()
            self._watcher = None


class _Watcher:
    """Shows what the fleets of a task tell, in a thread that holds no lock which a worker could inherit."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._show, name="mssp.defender.progress", daemon=True)
        self._thread.start()
        # an interrupted run calls no callback, and one that is terminated runs nothing at exit either
        atexit.register(self.stop)
        self._process = os.getpid()
        self._on_terminate = _replace_handler(self._terminate)

    def conclude(self) -> None:
        """Show how fleets ended, if any did, before the next task is announced."""
        for report in _progress.reports():
            if report.ended:
                self._screen.conclude(report)
                _progress.forget(report)

    def stop(self) -> None:
        """Show nothing any more."""
        # first of all: what follows cannot be interrupted by its own second call
        _replace_handler(self._on_terminate)
        atexit.unregister(self.stop)
        self._is_stopped.set()
        self._thread.join()
        self._screen.close()
        for report in _progress.reports():
            _progress.forget(report)

    def _terminate(self, number: int, _frame: object) -> None:
        """Give the terminal back, and leave all else to the handler that was there before: ansible-core's, or none.

        It may have interrupted anything. So it waits for the thread no longer than a moment, and in a worker, which
        inherits it, it does nothing.
        """
        _replace_handler(self._on_terminate)
        if os.getpid() == self._process:
            self._is_stopped.set()
            self._thread.join(_MOMENT)
            self._screen.close()
        os.kill(os.getpid(), number)

    def _show(self) -> None:
        while not self._is_stopped.wait(self._screen.seconds):
            self._screen.show([report for report in _progress.reports() if not report.ended])


def _replace_handler(handler: _Handler) -> _Handler:
    """Let another handle SIGTERM, and return who did. Python allows that to nobody but the main thread."""
    if handler is not None and threading.current_thread() is threading.main_thread():
        return signal.signal(signal.SIGTERM, handler)
    return None
