# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the provider from many customers at once is one piece of news, and not one for each customer."""

from __future__ import annotations

from typing import TypedDict

from ..._core.errors import BAD_CREDENTIAL, UNREACHABLE, Reason
from ..._core.outcomes import Outcome
from ..._core.reading.harmless import harmless

OF_PROVIDER = (UNREACHABLE, BAD_CREDENTIAL)
"""States that say nothing of the customer: the network between, and the application's own credential."""


class Outage(TypedDict, total=False):
    """What keeps the provider away; of one that `is_over` no more is told than its `meaning`."""

    is_over: bool
    meaning: str
    state: str
    remedy: str
    who: str
    code: str | None
    msg: str


class OutageEvent(TypedDict):
    """An outage on its way to rules."""

    outage: Outage


class Outages:
    """Who is kept away by what, since the source started. An outage begins with its first customer and ends with its
    last."""

    def __init__(self) -> None:
        self._kept_away: dict[str, set[str]] = {}
        self._by: dict[str, str] = {}

    def news(self, outcome: Outcome[object]) -> list[OutageEvent]:
        """Return the events that a customer's outcome amounts to: the end of an outage, the beginning of another."""
        customer = outcome.tenant.name
        reason = outcome.reason if outcome.state in OF_PROVIDER else None
        before, now = self._by.pop(customer, None), reason.meaning if reason else None
        events: list[OutageEvent] = []
        if reason:
            self._by[customer] = reason.meaning
            if not self._kept_away.setdefault(reason.meaning, set()):
                events.append(_beginning(reason, outcome.sentence()))
            self._kept_away[reason.meaning].add(customer)
        if before is not None and before != now:
            self._kept_away[before].discard(customer)
            if not self._kept_away[before]:
                events.insert(0, {"outage": harmless({"is_over": True, "meaning": before})})
        return events


def _beginning(reason: Reason, sentence: str) -> OutageEvent:
    outage: Outage = {
        "is_over": False,
        "meaning": reason.meaning,
        "state": reason.state,
        "remedy": reason.remedy,
        "who": reason.acts,
        "code": reason.code,
        "msg": sentence,
    }
    return {"outage": harmless(outage)}
