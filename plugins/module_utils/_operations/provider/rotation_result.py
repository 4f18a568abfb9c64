# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rotation answers, whichever kind of credential it turned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..._core import errors
from ..._core.errors import Reason, TenantError
from ..._core.registration.rotation import CredentialResult, Registered
from ..._core.results import Result
from .home_tenant import RegistrarResult


class RotationResult(RegistrarResult, total=False):
    """The credential in force and the predecessors that were retired, or what was removed; and a `secret` once."""

    app_id: str
    credential: CredentialResult
    retired: list[CredentialResult]
    removed: list[CredentialResult]
    secret: str


def result(app_id: str, before: Iterable[Registered], current: Registered, retired: list[Registered]) -> RotationResult:
    """Return the task's result: the credential in force, what was retired, and the difference that makes."""
    before = sorted(before, key=lambda item: item.starts)
    gone = {item.key_id for item in retired}
    after = [item for item in [*before, *([] if current in before else [current])] if item.key_id not in gone]
    answer: RotationResult = {
        "app_id": app_id,
        "credential": current.to_result(),
        "retired": [item.to_result() for item in retired],
        "changed": before != after,
    }
    if before != after:
        answer["diff"] = {"before": _shown(before), "after": _shown(after)}
    return answer


def failure(error: Exception, meaning: str, current: Registered | None, so_far: Result | None = None) -> TenantError:
    """Return the error of a rotation that stopped: what became of the new credential, why, and which one works.

    `so_far` is the result of what was done before.
    """
    reason = error.reason if isinstance(error, TenantError) else Reason(errors.ERROR, _words(error), "fix the file")
    remains = f"{describe(current)} is still in place" if current else "no earlier one is known here"
    why = errors.cause(reason.meaning, reason.code)
    return TenantError(replace(reason, meaning=f"{meaning}: {why}; {remains}", code=None), so_far)


def describe(credential: Registered) -> str:
    """Return how a sentence calls a credential."""
    return f"'{credential.name}' ({credential.key_id}, good until {credential.to_result()['expires_at']})"


def _shown(credentials: list[Registered]) -> dict[str, list[CredentialResult]]:
    return {"credentials": [item.to_result() for item in credentials]}


def _words(error: Exception) -> str:
    return errors.unusable_file(error) if isinstance(error, OSError) else str(error)
