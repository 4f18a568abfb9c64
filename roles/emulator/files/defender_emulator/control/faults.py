# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that a test switches on: what goes wrong, where, and how often."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

# Of the connection and the HTTP answer; ``interference`` acts on them.
WIRE_KINDS = ("latency", "bom", "retired", "throttle", "server_error", "reset", "truncate", "not_json")
# Of Entra ID; the token endpoint acts on them.
TOKEN_KINDS = ("consent_propagation", "credential_lag", "clock_skew", "unknown_key", "token_error")
# Of the directory that Microsoft Graph writes to and reads from.
DIRECTORY_KINDS = ("directory_lag", "conflict")
# Of the security data; its calls act on them.
DATA_KINDS = ("poison", "churn", "not_applied")
# Of advanced hunting, on either API.
HUNTING_KINDS = ("cpu_quota", "query_timeout")
# What a fault may answer: final, and with a body.
STATUSES = frozenset(range(200, 600)) - {204, 205, 304}
KINDS = WIRE_KINDS + TOKEN_KINDS + DIRECTORY_KINDS + DATA_KINDS + HUNTING_KINDS


@dataclass
class Fault:
    """One fault. ``path`` is a part of the request's path, ``times`` how often it still strikes; None is no limit.

    ``seconds`` is the latency, the clock skew (negative: in the past) or how long a consent, a credential or an object
    of the directory needs to come through;
    ``retry_after`` a number of seconds, ``"http-date"``, or None for no header; ``code`` an AADSTS number;
    ``incident_id`` the incident that is poison, with ``expand_only`` only where it is shown with its alerts; ``count``
    how many incidents change at a time. ``struck`` tells how often it has struck.
    """

    kind: str
    path: str | None = None
    tenant: str | None = None
    times: int | None = None
    seconds: float = 0
    retry_after: int | str | None = None
    status: int | None = None
    code: int | None = None
    body: str | None = None
    incident_id: int | None = None
    expand_only: bool = False
    count: int = 1
    id: str = ""
    struck: int = 0


class Faults:
    """The faults in force, oldest first."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force and give it its id."""
        fault.id, fault.struck = str(next(self._numbers)), 0
        self._faults.append(fault)

    def all(self) -> list[Fault]:
        """Every fault that can still strike."""
        return list(self._faults)

    def remove(self, fault_id: str) -> bool:
        """End one fault. False when there is none of that id."""
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if fault.id != fault_id]
        return len(self._faults) < before

    def clear(self) -> None:
        """End all faults."""
        self._faults.clear()

    def take(
        self,
        kind: str,
        path: str,
        tenant_id: str | None,
        *,
        younger_than: float | None = None,
        where: Callable[[Fault], bool] | None = None,
    ) -> Fault | None:
        """The first fault of the kind that strikes this request; counts the strike.

        ``younger_than`` is an age in seconds: a fault whose own ``seconds`` have passed by then does not strike.
        ``where`` is a further condition.
        """
        for fault in self._faults:
            if fault.kind != kind or (fault.path and fault.path not in path):
                continue
            if fault.tenant and fault.tenant != tenant_id:
                continue
            if younger_than is not None and younger_than >= fault.seconds:
                continue
            if where is not None and not where(fault):
                continue
            fault.struck += 1
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
            return fault
        return None
