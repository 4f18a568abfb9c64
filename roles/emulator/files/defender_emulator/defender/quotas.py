# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Call quotas of the Defender XDR API, for each application, tenant and call.

Source: learn.microsoft.com, api-list-incidents, api-get-incident, api-update-incidents.
"""

from __future__ import annotations

import time
from collections import deque

from defender_emulator.entra.service_settings import DOCUMENTED_QUOTA, ServiceSettings

_PER_HOUR = 1500
_PER_MINUTE = {"list": 50, "get": 100, "update": 50}


class Quotas:
    """Sliding windows. A refused call counts too, so hammering prolongs the refusal, as it does at Microsoft."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str, str, int, int], deque[float]] = {}

    def exceeded(self, client_id: str, tenant_id: str, call: str, settings: ServiceSettings) -> str | None:
        """Count one call (``list``, ``get`` or ``update``); the service's sentence when it was one too many."""
        per_minute = _limit(settings.quota_per_minute, _PER_MINUTE[call])
        per_hour = _limit(settings.quota_per_hour, _PER_HOUR)
        over = [
            f"API calls quota exceeded! maximum allowed {limit} per {name}"
            for limit, seconds, name in ((per_minute, 60, "00:01:00"), (per_hour, 3600, "01:00:00"))
            if limit is not None and self._is_over((client_id, tenant_id, call, limit, seconds))
        ]
        return over[0] if over else None

    def _is_over(self, key: tuple[str, str, str, int, int]) -> bool:
        now = time.monotonic()
        limit, seconds = key[3:]
        window = self._calls.setdefault(key, deque(maxlen=limit))
        over = len(window) == limit and now - window[0] < seconds
        window.append(now)
        return over


def _limit(setting: int | str | None, documented: int) -> int | None:
    if setting == DOCUMENTED_QUOTA:
        return documented
    return None if setting is None else int(setting)
