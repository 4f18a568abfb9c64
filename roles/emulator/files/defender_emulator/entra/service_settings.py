# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test can turn about the services as a whole."""

from __future__ import annotations

from dataclasses import dataclass

DOCUMENTED_QUOTA = "documented"


@dataclass
class ServiceSettings:
    """A quota of None is no limit; a token lifetime of None is 60 to 90 minutes."""

    quota_per_minute: int | str | None = DOCUMENTED_QUOTA
    quota_per_hour: int | str | None = DOCUMENTED_QUOTA
    next_link: bool = False
    token_version: int = 1
    token_lifetime: int | None = None
