# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client secret rotated without a gap: added, proven by a token, stored, and only then are predecessors retired.

The file keeps a record beside the secret: which one it is, which came before, and since when a rotation is under way.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TypedDict, cast

from ..._core import locks, timestamps, waiting
from ..._core.errors import OptionError, TenantError
from ..._core.identity.credentials import ClientSecret
from ..._core.registration import rotation
from ..._core.registration.directory import AddedPassword, Application
from ..._core.registration.rotation import Plan, Registered
from ..._core.registration.vars_file import Unsafe, VarsFile
from ..._core.results import Result
from ..._core.waiting import clock
from ..task_context import TaskContext
from . import rotation_result
from .home_tenant import Home
from .rotation_result import RotationResult

# for this long a directory may not list what the record says was made
_RECENT_SECONDS = 600
_PAUSE_SECONDS = 2


class Record(TypedDict, total=False):
    """What the file keeps beside the secret.

    `made` is when the secret was, `attempt` since when a rotation is under way that nobody finished: seconds since
    1970. `previous` is the key id of the secret before.
    """

    app_id: str
    name: str
    key_id: str
    expires_at: str
    previous: str | None
    made: int
    attempt: int


class SecretRotation:
    """One run of the task. Raises OptionError for a file that could not keep the secret, which is shown only once."""

    def __init__(self, task: TaskContext, home: Home, plan: Plan) -> None:
        params = task.params
        self._check_mode = task.check_mode
        self._home = home
        self._plan = plan
        self._name: str = params["name"]
        self._expose: bool = params["expose_secret"]
        self._prefix: str = params["prefix"]
        vault = task.vault if params["encrypt"] else None
        self._file = VarsFile("dest", Path(params["dest"]), vault) if params["dest"] else None
        if self._file:
            self._file.check()

    def __call__(self) -> RotationResult:
        # a run that has waited for another one goes by what that one left
        if not self._file:
            return self._settle({}, clock.time())
        with locks.locked("dest", self._file.path.parent, self._home.settle_seconds):
            record = cast("Record", self._file.read(f"{self._prefix}credential"))
            return self._settle(record, clock.time())

    def _settle(self, record: Record, now: float) -> RotationResult:
        application = self._application(record, now)
        app_id, own = application["appId"], self._own(application)
        current = rotation.find(own, record.get("key_id")) if self._file else rotation.longest(own)
        if current and not self._plan.is_due(current, now):
            retired = self._retire(application, own, current, record.get("previous"), record, now)
            kept = rotation_result.result(app_id, own, current, retired)
            return {**kept, "changed": self._end_attempt(record) or kept["changed"]}
        self._home.directory.app_policies(application).check_secret(self._plan.lifetime)
        if self._check_mode:
            planned = Registered("made by Entra ID", self._name, now, now + self._plan.lifetime)
            return rotation_result.result(app_id, own, planned, [])
        added = self._add(application, current, record, now)
        new = rotation.registered([added])[0]
        shown: Result = {}
        if self._expose:
            shown = RotationResult(secret=added["secretText"], _ansible_no_log=True)
        try:
            previous = current.key_id if current else None
            retired = self._retire(application, own, new, previous, record, clock.time())
        except TenantError as error:
            # what is shown once must be shown now
            error.details.update(shown)
            raise
        return {**rotation_result.result(app_id, own, new, retired), **shown}

    def _add(self, application: Application, current: Registered | None, record: Record, now: float) -> AddedPassword:
        """Return a new secret that has got a token and is stored. What fails before that is undone."""
        app_id = application["appId"]
        self._home.check_principal(app_id)
        # proves that the file can be written, and tells the next run about a secret that nobody stored
        begun: Record = {"attempt": int(now), **record, "app_id": app_id, "name": self._name}
        self._store({"credential": begun})
        ends_at = timestamps.render_seconds(now + self._plan.lifetime)
        added = self._home.directory.add_password(application["id"], self._name, ends_at)
        new = rotation.registered([added])[0]
        try:
            self._home.wait_for_token(app_id, ClientSecret(added["secretText"]))
            made: Record = {
                "app_id": app_id,
                "name": self._name,
                "key_id": new.key_id,
                "expires_at": timestamps.render_seconds(new.ends),
                "previous": current.key_id if current else None,
                "made": int(now),
            }
            self._store({"client_id": app_id, "client_secret": Unsafe(added["secretText"]), "credential": made})
        except (TenantError, OptionError, OSError) as error:
            raise self._withdraw(application["id"], new, current, error) from None
        return added

    def _withdraw(self, object_id: str, new: Registered, current: Registered | None, error: Exception) -> TenantError:
        """Remove a secret that did not come to be used, and return the error that says so."""
        fault = "got no token" if isinstance(error, TenantError) else "could not be stored"
        meaning = f"the new secret {fault} and was removed"
        try:
            self._home.directory.remove_password(object_id, new.key_id)
        except TenantError:
            remains = "the next run removes it" if self._file else "remove it by its key_id"
            meaning = f"the new secret {rotation_result.describe(new)} {fault}: {remains}"
        return rotation_result.failure(error, meaning, current)

    def _retire(
        self,
        application: Application,
        own: list[Registered],
        current: Registered,
        previous: str | None,
        record: Record,
        now: float,
    ) -> list[Registered]:
        """Remove the predecessors that may go, now that `current` works, and return them."""
        app_id, object_id = application["appId"], application["id"]
        others = [item for item in own if item.key_id != current.key_id]
        retired = self._plan.retired(others, current, now, previous, record.get("attempt"))
        if self._check_mode:
            return retired
        for at, other in enumerate(retired):
            try:
                self._home.directory.remove_password(object_id, other.key_id)
            except TenantError as error:
                meaning = f"{rotation_result.describe(other)} could not be retired"
                so_far = rotation_result.result(app_id, own, current, retired[:at])
                raise rotation_result.failure(error, meaning, current, so_far) from None
        return retired

    def _end_attempt(self, record: Record) -> bool:
        """Forget a rotation that nobody finished, now that what it left behind is gone; tell whether there was one."""
        if "attempt" not in record:
            return False
        if not self._check_mode:
            self._store({"credential": {name: value for name, value in record.items() if name != "attempt"}})
        return True

    def _application(self, record: Record, now: float) -> Application:
        """Return the application, waiting until it lists the secret that the record says was made a moment ago."""
        is_recent = now - record.get("made", 0) < _RECENT_SECONDS
        for _try in waiting.tries(self._home.settle_seconds, itertools.repeat(_PAUSE_SECONDS)):
            application = self._home.require()
            if record.get("app_id") not in (None, application["appId"]):
                kept, wanted = record["app_id"], application["appId"]
                raise OptionError(f"dest keeps a secret of application {kept}: name another file for {wanted}")
            if not is_recent or rotation.find(self._own(application), record["key_id"]):
                break
        return application

    def _own(self, application: Application) -> list[Registered]:
        return rotation.registered(application.get("passwordCredentials") or [], self._name)

    def _store(self, variables: dict[str, object]) -> None:
        if self._file:
            self._file.write({f"{self._prefix}{name}": value for name, value in variables.items()})
