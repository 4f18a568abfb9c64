# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of an application that went over to a certificate.

An older one of the certificate's own name is its predecessor, and is retired like one. Nobody here knows who uses the
others: the operator is told of them, because Microsoft counts each against the application, expired or not.

Source: Microsoft's Zero Trust assessment, test 21772.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..._core.errors import TenantError
from ..._core.registration import rotation
from ..._core.registration.directory import Application
from ..._core.registration.rotation import Plan, Registered
from ..task_context import TaskContext
from . import rotation_result
from .home_tenant import Home
from .rotation_result import RotationResult

_DAY = 24 * 3600
# a certificate that is registered right after its predecessor begins earlier, because it is backdated
_SAME_TIME = 600


class FormerSecrets:
    """The secrets that the application lists. `own` are those of the certificate's name."""

    def __init__(self, task: TaskContext, home: Home, application: Application, name: str) -> None:
        self._task = task
        self._home = home
        self._application = application
        self._all = rotation.registered(application.get("passwordCredentials") or [])
        self.own = [item for item in self._all if item.name == name]

    def retire(self, plan: Plan, current: Registered, now: float, so_far: RotationResult) -> list[Registered]:
        """Remove those that may go, now that the certificate `current` works, return them, and warn of what is left.

        `so_far` is the result of what was done before. Raises TenantError where one cannot be removed.
        """
        former = [item for item in self.own if item.starts < current.starts + _SAME_TIME]
        retired = plan.retired(former, current, now)
        for secret in [] if self._task.check_mode else retired:
            try:
                self._home.directory.remove_password(self._application["id"], secret.key_id)
            except TenantError as error:
                meaning = f"the secret {rotation_result.describe(secret)} could not be retired"
                raise rotation_result.failure(error, meaning, current, so_far) from None
        self._warn(
            [item for item in former if item not in retired],
            f"which its certificate replaces, and which is removed {plan.overlap / _DAY:g} days after that came: "
            "let all who use it go over to the certificate by then",
        )
        self._warn(
            [item for item in self._all if item not in former],
            "which Microsoft's Zero Trust test 21772 counts against it, expired or not: "
            "where nobody uses it, remove it by its key_id with state=absent and kind=secret",
        )
        return retired

    def _warn(self, secrets: Iterable[Registered], what_of_it: str) -> None:
        for secret in secrets:
            app_id, named = self._application["appId"], rotation_result.describe(secret)
            self._task.warn(f"application {app_id} still has the secret {named}, {what_of_it}")
