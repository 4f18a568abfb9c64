# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate rotated without a gap. Its key is made here, or given, and only the public part travels.

The list of certificates is always sent as a whole, because `addKey` takes a proof by a key that still works.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from ..._core import errors, files, locks, waiting
from ..._core.errors import OptionError, Reason, TenantError
from ..._core.registration import key_pairs, rotation
from ..._core.registration.directory import Application, KeyCredential
from ..._core.registration.key_file import KeyFile
from ..._core.registration.key_pairs import KeyPair
from ..._core.registration.rotation import Plan, Registered
from ..._core.waiting import clock
from ..task_context import TaskContext
from . import rotation_result
from .former_secrets import FormerSecrets
from .home_tenant import Home
from .rotation_result import RotationResult

_PAUSE_SECONDS = 2
_PURPOSE = "change the certificates"


class CertificateRotation:
    """One run of the task. Raises OptionError for a file that holds no pair, or a folder that takes none."""

    def __init__(self, task: TaskContext, home: Home, plan: Plan) -> None:
        params = task.params
        self._task = task
        self._home = home
        self._directory = home.directory
        self._plan = plan
        self._name: str = params["name"]
        self._generate: bool = params["generate"]
        self._path = Path(params["dest"])
        self._file = KeyFile("dest", self._path, task.vault if params["encrypt"] else None)
        files.check_own_folder("dest", self._path.parent)
        if self._generate:
            self._file.check()
        elif not self._path.exists():
            raise OptionError(f"dest {self._path} does not exist: put key and certificate there, or leave generate on")

    def __call__(self) -> RotationResult:
        with locks.locked("dest", self._path.parent, self._home.settle_seconds):
            return self._settle(clock.time())

    def _settle(self, now: float) -> RotationResult:
        # a pair that was given may be anybody's file, such as a secret that is mounted, encrypted or not
        pair = self._file.pair() if self._generate else key_pairs.load(self._path, "dest", vault=self._task.vault)
        application = self._home.require()
        app_id, object_id = application["appId"], application["id"]
        items = self._directory.key_credentials(object_id)
        former = FormerSecrets(self._task, self._home, application, self._name)
        certificates = rotation.registered(items, self._name)
        own = [*certificates, *former.own]
        current = _registered_as(pair, items)
        is_replaced = False
        if pair is None or not self._is_good(pair, now):
            self._directory.app_policies(application).check_certificate(self._plan.lifetime)
            if self._task.check_mode:
                planned = Registered("made by Entra ID", self._name, now, now + self._plan.lifetime)
                return rotation_result.result(app_id, own, planned, [])
            new = self._register(application, items, self._next_pair(now), current or rotation.longest(former.own), now)
            self._file.turn()
            is_replaced = True
        elif current is None:
            self._directory.app_policies(application).check_certificate(pair.lifetime(now))
            if self._task.check_mode:
                return rotation_result.result(
                    app_id, own, Registered("made by Entra ID", self._name, now, pair.ends), []
                )
            new = self._register(application, items, pair, rotation.longest(own), now)
        else:
            new = current
        retired = self._retire(application, certificates, new, clock.time())
        so_far = rotation_result.result(app_id, own, new, retired)
        retired = [*retired, *former.retire(self._plan, new, clock.time(), so_far)]
        answer = rotation_result.result(app_id, own, new, retired)
        if is_replaced:
            answer["changed"] = True
        return answer

    def _is_good(self, pair: KeyPair, now: float) -> bool:
        """Tell whether the pair in the file may stay. Raises OptionError for one that was given and has expired."""
        if pair.ends - now >= self._plan.rotate_before:
            return True
        if self._generate:
            return False
        if pair.ends <= now:
            raise OptionError(f"dest {self._path} holds an expired certificate: put a new pair there")
        self._task.warn(f"the certificate in {self._path} ends soon, and generate is false: put a new pair there")
        return True

    def _next_pair(self, now: float) -> KeyPair:
        """Return the pair of an interrupted run where it is still good, or a new one."""
        pair = self._file.next_pair()
        if pair is None or pair.ends - now < self._plan.rotate_before:
            pair = key_pairs.make(self._name, self._plan.lifetime)
            self._file.keep_next(pair)
        return pair

    def _register(
        self,
        application: Application,
        items: list[KeyCredential],
        pair: KeyPair,
        current: Registered | None,
        now: float,
    ) -> Registered:
        """Return the pair as registered, when it has got a token. What fails before that is undone."""
        object_id = application["id"]
        self._home.check_principal(application["appId"])
        if not _registered_as(pair, items):
            changed = [*items, pair.as_key_credential(self._name, now)]
            self._directory.update_application(object_id, {"keyCredentials": changed}, _PURPOSE)
        try:
            self._home.wait_for_token(application["appId"], pair.credential)
        except TenantError as error:
            raise self._withdraw(object_id, pair, current, error) from None
        return self._listed(object_id, pair)

    def _withdraw(self, object_id: str, pair: KeyPair, current: Registered | None, error: TenantError) -> TenantError:
        """Remove a certificate that did not come to be used, and return the error that says so."""
        meaning = "the new certificate got no token and was removed"
        try:
            # read again: another run may have added one of its own
            items = [item for item in self._directory.key_credentials(object_id) if item.get("key") != pair.public]
            self._directory.update_application(object_id, {"keyCredentials": items}, _PURPOSE)
        except TenantError:
            meaning = "the new certificate got no token, and the next run tries it again"
        return rotation_result.failure(error, meaning, current)

    def _listed(self, object_id: str, pair: KeyPair) -> Registered:
        """Return the certificate that was just registered, as soon as the directory lists it."""

        def read() -> Registered | None:
            return _registered_as(pair, self._directory.key_credentials(object_id))

        found = waiting.until(read, self._home.settle_seconds, itertools.repeat(_PAUSE_SECONDS))
        if found is None:
            meaning = "the new certificate works, but the directory does not list it yet"
            raise TenantError(Reason(errors.ERROR, meaning, "run again later"))
        return found

    def _retire(
        self, application: Application, own: list[Registered], current: Registered, now: float
    ) -> list[Registered]:
        """Remove the predecessors that may go, now that `current` works, and return them."""
        object_id = application["id"]
        others = [item for item in own if item.key_id != current.key_id]
        retired = self._plan.retired(others, current, now)
        if not retired or self._task.check_mode:
            return retired
        # read again: another run may have added one of its own
        items = self._directory.key_credentials(object_id)
        if not rotation.find(rotation.registered(items), current.key_id):
            # a list that lags would take the new one away too: the next run retires
            return []
        gone = {item.key_id for item in retired}
        try:
            left = [item for item in items if item["keyId"] not in gone]
            self._directory.update_application(object_id, {"keyCredentials": left}, _PURPOSE)
        except TenantError as error:
            so_far = rotation_result.result(application["appId"], own, current, [])
            raise rotation_result.failure(error, "the old certificate could not be retired", current, so_far) from None
        return retired


def _registered_as(pair: KeyPair | None, items: list[KeyCredential]) -> Registered | None:
    """Return the certificate of the application that is this pair's, or None."""
    return next(iter(rotation.registered(item for item in items if pair and item.get("key") == pair.public)), None)
