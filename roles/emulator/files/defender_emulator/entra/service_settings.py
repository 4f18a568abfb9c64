# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test can turn about the services as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from defender_emulator.odata import OPERATORS

DOCUMENTED_QUOTA = "documented"
INCIDENT_ORDERS = ("generated", "newest_first", "oldest_first", "shuffled")


@dataclass
class ServiceSettings:
    """A quota of None is no limit; a token lifetime of None is 60 to 90 minutes.

    ``incident_order`` is by last update, or anew for each request; ``filter_operators`` are those of the Defender XDR
    API, which does not document them; ``max_page`` holds in every list, whatever ``$top`` says. From ``xdr_ends_at`` on
    (None: never) the Defender XDR API answers as one that is retired.
    ``lock_new_applications`` gives what is registered a property lock, as since June 2026 (message center MC1300584).
    A device code is good for ``device_code_lifetime`` seconds, and asked about every ``device_code_interval`` seconds.
    """

    quota_per_minute: int | str | None = DOCUMENTED_QUOTA
    quota_per_hour: int | str | None = DOCUMENTED_QUOTA
    next_link: bool = False
    incident_order: str = "generated"
    filter_operators: list[str] = field(default_factory=lambda: list(OPERATORS))
    max_page: int | None = None
    token_version: int = 1
    token_lifetime: int | None = None
    xdr_ends_at: str | None = None
    lock_new_applications: bool = True
    device_code_lifetime: int = 900
    device_code_interval: int = 5
