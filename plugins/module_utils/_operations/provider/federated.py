# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A federated identity credential: whose tokens the application accepts in place of a secret. Nothing to rotate."""

from __future__ import annotations

from typing import cast

from ..._core.registration.directory import FederatedIdentityCredential
from ..._core.registration.rotation import CredentialResult
from ..task_context import TaskContext
from .home_tenant import Home
from .rotation_result import RotationResult


class FederatedCredential:
    """One run of the task."""

    def __init__(self, task: TaskContext, home: Home) -> None:
        params = task.params
        self._check_mode = task.check_mode
        self._home = home
        self._name: str = params["name"]
        self._declared: FederatedIdentityCredential = {
            "issuer": params["issuer"],
            "subject": params["subject"],
            "audiences": params["audiences"],
        }
        if params["description"] is not None:
            self._declared["description"] = params["description"]

    def __call__(self) -> RotationResult:
        directory = self._home.directory
        application = self._home.require()
        found = next(
            (item for item in directory.federated_credentials(application["id"]) if item["name"] == self._name), None
        )
        before = {field: found.get(field) for field in self._declared} if found else {}
        # Graph may send null for an empty text
        differing = {field: value for field, value in self._declared.items() if (before.get(field) or "") != value}
        changes = cast("FederatedIdentityCredential", differing)
        if changes and not self._check_mode:
            if found:
                directory.update_federated_credential(application["id"], found["id"], changes)
            else:
                body: FederatedIdentityCredential = {"name": self._name, **self._declared}
                found = directory.create_federated_credential(application["id"], body)
        answer: RotationResult = {
            "app_id": application["appId"],
            "credential": self._to_result(found["id"] if found else None),
            "retired": [],
            "changed": bool(changes),
        }
        if changes:
            answer["diff"] = {
                "before": {field: before[field] for field in changes if field in before},
                "after": changes,
            }
        return answer

    def _to_result(self, key_id: str | None) -> CredentialResult:
        credential: CredentialResult = {
            "name": self._name,
            "key_id": key_id,
            "issuer": self._declared["issuer"],
            "subject": self._declared["subject"],
            "audiences": self._declared["audiences"],
        }
        if "description" in self._declared:
            credential["description"] = self._declared["description"]
        return credential
