# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a credential by its name or its key id, and never the last one by accident."""

from __future__ import annotations

from ..._core import errors, timestamps
from ..._core.errors import Reason, TenantError
from ..._core.registration import rotation
from ..._core.registration.directory import Application
from ..._core.registration.rotation import CredentialResult
from ..._core.waiting import clock
from ..task_context import TaskContext
from .home_tenant import Home
from .rotation_result import RotationResult


class Removal:
    """One run of the task."""

    def __init__(self, task: TaskContext, home: Home) -> None:
        params = task.params
        self._check_mode = task.check_mode
        self._warn = task.warn
        self._home = home
        self._directory = home.directory
        self._kind: str = params["kind"]
        self._name: str | None = params["name"]
        self._key_id: str | None = params["key_id"]
        self._force: bool = params["force"]

    def __call__(self) -> RotationResult:
        application = self._home.find()
        if application is None:
            return {"removed": []}
        by_kind = self._credentials(application)
        removed = [item for item in by_kind[self._kind] if self._is_meant(item)]
        if not removed:
            self._warn_of_other_kinds(by_kind)
        good = self._good(by_kind)
        if not self._force and good and all(item in removed for item in good):
            names = ", ".join(sorted({f"'{item['name']}'" for item in removed}))
            meaning = f"without {names} application {application['appId']} has no credential that is good today"
            raise TenantError(Reason(errors.ERROR, meaning, "add another one first, or set force to true"))
        if removed and not self._check_mode:
            self._remove(application["id"], {key_id for item in removed if (key_id := item["key_id"])})
        answer: RotationResult = {"app_id": application["appId"], "removed": removed, "changed": bool(removed)}
        if removed:
            answer["diff"] = {"before": {"credentials": removed}, "after": {"credentials": []}}
        return answer

    def _warn_of_other_kinds(self, by_kind: dict[str, list[CredentialResult]]) -> None:
        """Tell whoever means a secret, and leaves out what kind of credential that is."""
        other = [kind for kind, items in by_kind.items() if any(map(self._is_meant, items))]
        if other:
            meant = self._name or self._key_id
            self._warn(f"there is no {self._kind} '{meant}', but one of kind {other[0]}: set kind to {other[0]}")

    def _is_meant(self, item: CredentialResult) -> bool:
        return self._name in (None, item["name"]) and self._key_id in (None, item["key_id"])

    def _credentials(self, application: Application) -> dict[str, list[CredentialResult]]:
        """Return the application's credentials by kind, as they stand in results."""
        return {
            "secret": [item.to_result() for item in rotation.registered(application.get("passwordCredentials") or [])],
            "certificate": [item.to_result() for item in rotation.registered(application.get("keyCredentials") or [])],
            "federated": [
                {"name": item["name"], "key_id": item["id"]}
                for item in self._directory.federated_credentials(application["id"])
            ],
        }

    @staticmethod
    def _good(by_kind: dict[str, list[CredentialResult]]) -> list[CredentialResult]:
        """Return the credentials that have not expired."""
        now = timestamps.render_seconds(clock.time())
        return [item for items in by_kind.values() for item in items if item.get("expires_at", now) >= now]

    def _remove(self, object_id: str, key_ids: set[str]) -> None:
        if self._kind == "certificate":
            items = [item for item in self._directory.key_credentials(object_id) if item["keyId"] not in key_ids]
            self._directory.update_application(object_id, {"keyCredentials": items}, "remove a certificate")
            return
        remove = {
            "secret": self._directory.remove_password,
            "federated": self._directory.delete_federated_credential,
        }[self._kind]
        for key_id in key_ids:
            remove(object_id, key_id)
