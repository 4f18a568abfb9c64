# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Call quotas of the Defender XDR API and of Microsoft Graph security, for each application, tenant and call.

Sources: learn.microsoft.com, api-list-incidents, api-get-incident, api-update-incidents, api-advanced-hunting,
graph/throttling-limits. That page names alerts and not incidents: that Graph's incidents have the same allowance is
unconfirmed, as is that hunting has one allowance for both of its APIs.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass

from defender_emulator.entra.service_settings import DOCUMENTED_QUOTA, ServiceSettings

_MINUTE, _HOUR = 60, 3600
_NAMES = {_MINUTE: "00:01:00", _HOUR: "01:00:00"}
_DOCUMENTED: dict[str, dict[int, int]] = {
    "list": {_MINUTE: 50, _HOUR: 1500},
    "get": {_MINUTE: 100, _HOUR: 1500},
    "update": {_MINUTE: 50, _HOUR: 1500},
    "hunt": {_MINUTE: 45},
    "alerts": {_MINUTE: 150},
    "graph": {_MINUTE: 150},
}


@dataclass(frozen=True)
class Exceeded:
    """One call too many: the service's sentence, and after how many seconds without a call the next one passes."""

    sentence: str
    retry_after: int


class Quotas:
    """Sliding windows. A refused call counts too, so hammering prolongs the refusal, as it does at Microsoft."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str, str, int, int], deque[float]] = {}

    def exceeded(self, client_id: str, tenant_id: str, call: str, settings: ServiceSettings) -> Exceeded | None:
        """Count one call, named as in the table of documented quotas; what is said when it was one too many."""
        wanted = {_MINUTE: settings.quota_per_minute, _HOUR: settings.quota_per_hour}
        refusals = []
        for seconds, setting in wanted.items():
            limit = _DOCUMENTED[call].get(seconds) if setting == DOCUMENTED_QUOTA else setting
            if limit is not None:
                refusals.append(self._count((client_id, tenant_id, call, int(limit), seconds)))
        return next((refusal for refusal in refusals if refusal), None)

    def _count(self, key: tuple[str, str, str, int, int]) -> Exceeded | None:
        now = time.monotonic()
        limit, seconds = key[3:]
        window = self._calls.setdefault(key, deque(maxlen=limit))
        over = len(window) == limit and now - window[0] < seconds
        window.append(now)
        if not over:
            return None
        sentence = f"API calls quota exceeded! maximum allowed {limit} per {_NAMES[seconds]}"
        return Exceeded(sentence, math.ceil(window[0] + seconds - now))
