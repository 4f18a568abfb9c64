# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A credential that is wrong is wrong in every tenant: two of them say so, and the others are not asked.

Until one tenant has answered anything else, they ask one after the other. A tenant that took the credential proves it,
and from then on a refusal is that tenant's own.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from .. import errors, waiting
from ..errors import Postponed, Reason, TenantError
from ..waiting import Clock
from .token_cache import Token

_BELIEVED = 2
_LONGEST_TURN = 2.0
_MEMORY = 30.0


class Trial:
    """What tenants have said of one credential. Threads may share it.

    A refusal is remembered for half a minute, for a credential may be put right meanwhile. No tenant that is slow to
    answer keeps the others waiting for more than two seconds.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or waiting.clock
        self._turn = threading.Lock()
        self._is_open = False
        self._is_proven = False
        self._refusals: dict[str, Reason] = {}
        self._forgotten_at = 0.0

    def acquire(self, tenant_guid: str, ask: Callable[[], Token]) -> Token:
        """Return the token that the tenant gives. Raises TenantError, for the tenant or unasked, or Postponed."""
        with self._in_turn():
            self._check()
            try:
                token = ask()
            except TenantError as error:
                self._note(tenant_guid, error.reason)
                raise
            except Postponed:
                self._is_open = True
                raise
            self._is_open = self._is_proven = True
            return token

    @contextlib.contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Wait for the tenants before this one, as long as nothing but refusals is known of the credential."""
        has_turn = not self._is_open and self._turn.acquire(timeout=_LONGEST_TURN)
        if has_turn and self._is_open:
            self._turn.release()
            has_turn = False
        try:
            yield
        finally:
            if has_turn:
                self._turn.release()

    def _check(self) -> None:
        if self._clock.monotonic() >= self._forgotten_at:
            self._refusals = {}
        elif len(self._refusals) >= _BELIEVED and not self._is_proven:
            # the ids are those of a request that another tenant answered
            told = next(iter(self._refusals.values()))
            raise TenantError(replace(told, correlation_id=None, trace_id=None))

    def _note(self, tenant_guid: str, reason: Reason) -> None:
        if reason.state != errors.BAD_CREDENTIAL:
            self._is_open = True
            return
        self._refusals = {**self._refusals, tenant_guid: reason}
        self._forgotten_at = self._clock.monotonic() + _MEMORY
