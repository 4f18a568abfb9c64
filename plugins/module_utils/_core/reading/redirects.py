# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incidents that were merged into others: Microsoft keeps them, without alerts, and names what took their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from ..wire.records import JsonObject

MOST_STEPS = 20
"""How far a chain of redirections is followed: incidents are merged a few times, and a longer one has no end."""


class Redirection(TypedDict):
    """What a result says of a redirected record: the `target` in its place, and whether that was `found`."""

    id: str
    target: str
    found: bool


class Redirects:
    """The redirected records of one reading, and where they lead. `field` names the target; None: there are none."""

    def __init__(self, field: str | None) -> None:
        self._field = field
        self._targets: dict[str, str] = {}
        self._steps: dict[str, int] = {}
        self._missing: set[str] = set()
        self._gone: set[str] = set()

    def note(self, identity: str, record: JsonObject) -> None:
        """Remember the record where it is redirected."""
        target = record.get(self._field) if self._field else None
        if target not in (None, ""):
            self._targets[identity] = str(target)
            self._steps[str(target)] = self._steps.get(identity, 0) + 1
            if self._steps[str(target)] > MOST_STEPS:
                self.give_up(str(target))

    def next_target(self, known: Mapping[str, object]) -> str | None:
        """Return a target that nobody has read yet, None when all are known or given up."""
        unread = (target for target in self._targets.values() if target not in known and target not in self._missing)
        return next(unread, None)

    def give_up(self, target: str, for_good: bool = True) -> None:
        """The service does not have that target, or (not `for_good`) cannot send it now."""
        self._missing.add(target)
        if for_good:
            self._gone.add(target)

    def unfollowed(self, known: Mapping[str, object]) -> list[str]:
        """Return the redirected records whose target is still to be read, by this read or the next."""
        return [
            identity for identity, target in self._targets.items() if target not in known and target not in self._gone
        ]

    def to_result(self) -> list[Redirection]:
        """Return each redirected record with the end of its chain of redirections."""
        ends = {identity: self._end(identity) for identity in self._targets}
        return [
            {"id": identity, "target": end, "found": end not in self._missing and end not in self._targets}
            for identity, end in ends.items()
        ]

    def _end(self, identity: str) -> str:
        passed = {identity}
        target = self._targets[identity]
        while target in self._targets and target not in passed:
            passed.add(target)
            target = self._targets[target]
        return target
