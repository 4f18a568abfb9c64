# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that keeps everybody waiting is found out about by some tenants, and not by each of the others too.

Only failures that took their time count: those that come at once cost nothing, and a tenant's retries outlast them.
One answer, be it a refusal or a 429, tells that the host is up, and everything is forgotten.
"""

from __future__ import annotations

import contextlib
import random
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from .. import errors
from ..errors import Postponed, Reason, TenantError
from ..waiting import Clock, clock

_SLOW = 0.5
_SUSPECT = 5
_SPENT = 3
_PROBES = 8
_LONGEST_HOLD = 2.0
_PROBE_INTERVAL = 30.0


class Outages:
    """What is known of each host. Threads may share it.

    A caller is one tenant's work. After five callers in a row that failed, those that come for the first time are held
    while eight of them, chosen at random, look whether it is any better for them. The callers that failed go on with
    all their retries: when three have spent them, and no probe had an answer, the host is down. From then on callers
    fail at once, for the same reason, but for a probe every half minute.
    """

    def __init__(self, clock: Clock = clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._hosts: dict[str, _Outage] = {}

    @contextlib.contextmanager
    def watched(self, host: str, caller: Any) -> Iterator[None]:
        """Make a call meanwhile, whose errors tell how it ended: Postponed, or TenantError where no retry is left.

        Raises Postponed where the call has to be held, and TenantError where the host is down.
        """
        with self._lock:
            outage = self._hosts.setdefault(host, _Outage())
            is_probe = outage.admit(caller, self._clock.monotonic())
        began = self._clock.monotonic()
        reason, is_spent = None, False
        try:
            yield
        except TenantError as error:
            reason, is_spent = error.reason, True
            raise
        except Postponed as wait:
            reason = wait.error.reason
            raise
        finally:
            with self._lock:
                outage.probing -= is_probe
                if reason is None or reason.state != errors.UNREACHABLE:
                    outage.end(caller)
                elif self._clock.monotonic() - began >= _SLOW:
                    outage.note(caller, reason, is_spent, is_probe, self._clock.monotonic())


class _Outage:
    """What is known of one host since its last answer."""

    def __init__(self) -> None:
        self.probing = 0
        self._failed: set[Any] = set()
        self._spent: set[Any] = set()
        self._held: set[Any] = set()
        self._served: weakref.WeakSet[Any] = weakref.WeakSet()
        self._probes_failed = 0
        self._next_probe = 0.0
        self._reason: Reason | None = None

    def admit(self, caller: Any, now: float) -> bool:
        """Let the caller through, and tell whether as a probe. Raises Postponed and TenantError."""
        if self._reason is None or len(self._failed) < _SUSPECT or caller in self._failed or caller in self._served:
            return False
        error = TenantError(self._reason)
        if len(self._spent) >= _SPENT and self._probes_failed >= _PROBES:
            if self.probing or now < self._next_probe:
                raise error
        elif self.probing >= _PROBES or caller not in self._held:
            # held once at least, for a time of its own, so that the first to come is not always the first in the list
            self._held.add(caller)
            raise Postponed(random.uniform(0, _LONGEST_HOLD), error)
        self.probing += 1
        return True

    def note(self, caller: Any, reason: Reason, is_spent: bool, is_probe: bool, now: float) -> None:
        self._reason = reason
        self._failed.add(caller)
        if is_probe:
            self._probes_failed += 1
            self._next_probe = now + _PROBE_INTERVAL
        if is_spent:
            self._spent.add(caller)

    def end(self, caller: Any) -> None:
        """The host has answered the caller."""
        self._served.add(caller)
        self._failed, self._spent, self._held, self._probes_failed, self._reason = set(), set(), set(), 0, None
