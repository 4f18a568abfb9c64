# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a registration stands with others: who is behind it, what weakens a consent, what Microsoft's tests read."""

from __future__ import annotations

from typing import TypedDict

from ..._core.errors import TenantError
from ..._core.registration import remarks, zero_trust
from ..._core.registration.directory import Application, Directory, OwnPrincipal
from ..._core.registration.remarks import Remark
from ..._core.registration.zero_trust import Finding
from ..._core.waiting import clock


class Behind(TypedDict):
    """Who is behind an application; `owners` are object ids, None where they were not read."""

    owners: list[str] | None
    notes: str | None
    publisher_domain: str | None
    verified_publisher: str | None


class Judged(TypedDict):
    """What others may find fault with. Of an application that is only planned, nothing."""

    remarks: list[Remark]
    zero_trust: list[Finding]


def read(directory: Directory, application: Application, principal: OwnPrincipal | None) -> tuple[Behind, Judged]:
    """Return how the application stands. Nothing here is a reason to fail."""
    owners = _owners(directory, application)
    behind: Behind = {
        "owners": owners,
        "notes": application.get("notes"),
        "publisher_domain": application.get("publisherDomain"),
        "verified_publisher": remarks.verified_publisher(application),
    }
    if "id" not in application:
        return behind, {"remarks": [], "zero_trust": []}
    return behind, {
        "remarks": remarks.of(application, owners),
        "zero_trust": zero_trust.assess(application, principal, clock.time()),
    }


def _owners(directory: Directory, application: Application) -> list[str] | None:
    try:
        return directory.owners(application["id"], settle=False) if "id" in application else None
    except TenantError:
        return None
