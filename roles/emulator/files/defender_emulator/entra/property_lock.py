# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app instance property lock: what nobody may change of an application's service principals, in any tenant.

Source: learn.microsoft.com, serviceprincipallockconfiguration and howto-configure-app-instance-property-locks.
"""

from __future__ import annotations

from defender_emulator.entra.applications import Application
from defender_emulator.entra.documents import LockConfiguration
from defender_emulator.json_text import JsonObject

FLAGS = tuple(LockConfiguration.__annotations__)
WHOLE: LockConfiguration = {
    "isEnabled": True,
    "allProperties": True,
    "credentialsWithUsageVerify": True,
    "credentialsWithUsageSign": True,
    "tokenEncryptionKeyId": True,
}

# The credentials that are kept here prove who a client is: their usage is Verify.
_FLAG_OF = {
    "passwordCredentials": "credentialsWithUsageVerify",
    "keyCredentials": "credentialsWithUsageVerify",
    "tokenEncryptionKeyId": "tokenEncryptionKeyId",
}


def is_configuration(value: object) -> bool:
    """Whether it can be an application's ``servicePrincipalLockConfiguration``."""
    if value is None:
        return True
    return isinstance(value, dict) and all(
        name in FLAGS and (flag is None or isinstance(flag, bool)) for name, flag in value.items()
    )


def completed(given: JsonObject | None) -> LockConfiguration | None:
    """The configuration with every flag, off where it is left out."""
    if given is None:
        return None
    return {
        "isEnabled": bool(given.get("isEnabled")),
        "allProperties": bool(given.get("allProperties")),
        "credentialsWithUsageVerify": bool(given.get("credentialsWithUsageVerify")),
        "credentialsWithUsageSign": bool(given.get("credentialsWithUsageSign")),
        "tokenEncryptionKeyId": bool(given.get("tokenEncryptionKeyId")),
    }


def is_locked(application: Application | None, name: str) -> bool:
    """Whether the application locks that property of its service principals. One that is gone locks nothing."""
    # a state that was kept by an earlier version has no such property
    lock = application.document.get("servicePrincipalLockConfiguration") if application else None
    return bool(lock and lock["isEnabled"] and (lock["allProperties"] or dict(lock)[_FLAG_OF[name]]))
