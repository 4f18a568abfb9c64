# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the provider from many customers at once is one piece of news, and not one for each customer."""

from __future__ import annotations

from typing import Any

from ..._core.errors import BAD_CREDENTIAL, UNREACHABLE
from ..._core.outcomes import Outcome
from ..._core.reading.harmless import harmless

OF_PROVIDER = (UNREACHABLE, BAD_CREDENTIAL)
"""States that say nothing of the customer: the network between, and the application's own credential."""


class Outages:
    """Who is kept away by what, since the source started. An outage begins with its first customer and ends with its
    last."""

    def __init__(self) -> None:
        self._kept_away: dict[str, set[str]] = {}
        self._by: dict[str, str] = {}

    def news(self, outcome: Outcome) -> list[dict[str, Any]]:
        """Return the events that a customer's outcome amounts to: the end of an outage, the beginning of another."""
        customer = outcome.tenant.name
        reason = outcome.reason if outcome.state in OF_PROVIDER else None
        before, now = self._by.pop(customer, None), reason.meaning if reason else None
        events = []
        if now is not None:
            self._by[customer] = now
            if not self._kept_away.setdefault(now, set()):
                events.append(_beginning(outcome))
            self._kept_away[now].add(customer)
        if before is not None and before != now:
            self._kept_away[before].discard(customer)
            if not self._kept_away[before]:
                events.insert(0, {"outage": harmless({"is_over": True, "meaning": before})})
        return events


def _beginning(outcome: Outcome) -> dict[str, Any]:
    reason = outcome.reason.to_result() if outcome.reason else {}
    told = {name: reason.get(name) for name in ("state", "meaning", "remedy", "who", "code")}
    return {"outage": harmless({"is_over": False, **told, "msg": outcome.sentence()})}
