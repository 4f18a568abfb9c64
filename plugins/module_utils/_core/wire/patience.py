# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a tenant is waited for, and how often each of its calls is repeated."""

from __future__ import annotations

import math
import random
import time
from collections import Counter

from .. import errors
from ..errors import Postponed, Reason, TenantError
from ..waiting import clock
from . import pacing

LONGEST_BACKOFF = 30.0

_FIRST_BACKOFF = 1.0


def call_of(method: str, url: str) -> str:
    """Return the name of a call: what is done to what.

    A query makes no other call of it: a service that fails over a collection does so over each part of it.
    """
    return f"{method} {url.partition('?')[0]}"


class Patience:
    """How much waiting one tenant is worth.

    Each of its calls is repeated up to `retries` times. All together may wait for `max_wait` seconds where they are
    throttled, and take `seconds` for everything else: for the calls themselves and the pauses between them.

    A `call` is known by its name (see `call_of`), because work that was put off begins anew and comes to it again.
    """

    def __init__(self, retries: int, max_wait: float, seconds: float = math.inf) -> None:
        self._retries = retries
        self._left = max_wait
        self._seconds = seconds
        self._seconds_left = seconds
        self._failures: Counter[str] = Counter()
        self._throttlings: Counter[str] = Counter()

    def check(self, host: str) -> float:
        """Return the seconds that are left for calls. Raises TenantError where there are none."""
        if self._seconds_left <= 0:
            meaning = f"the {self._seconds:g} s of tenant_timeout were over before {host} had answered everything"
            remedy = "run again, look for what makes this tenant so slow, or raise tenant_timeout"
            raise TenantError(Reason(errors.UNREACHABLE, meaning, remedy))
        return self._seconds_left

    def spend(self, seconds: float) -> None:
        """A call, or a pause before one, took that long."""
        self._seconds_left -= seconds

    def renew(self, call: str) -> None:
        """The call succeeded: the next time it may be repeated anew. Time spent throttled stays spent."""
        del self._failures[call], self._throttlings[call]

    def after_failure(self, call: str, reason: Reason, at_least: float = 0) -> Exception:
        """Return what to raise after a network or server failure: Postponed, or TenantError after the last repeat."""
        if self._failures[call] >= self._retries:
            return TenantError(reason)
        ceiling = min(LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** self._failures[call])
        self._failures[call] += 1
        return self._pause(max(at_least, random.uniform(ceiling / 2, ceiling)), TenantError(reason))

    def after_throttling(
        self, call: str, host: str, seconds: float | None, quota: str | None = None, reason: Reason | None = None
    ) -> Exception:
        """Return what to raise after a 429 that asks for `seconds` and names the `quota` (None: it does not tell).

        `reason` is given where another status than 429 said so.
        """
        if seconds is not None:
            seconds = max(seconds, _FIRST_BACKOFF)
        else:
            seconds = min(LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** self._throttlings[call])
            self._throttlings[call] += 1
        wait = seconds + random.uniform(0, min(1.0, seconds / 10))
        named = f" ({quota})" if quota else ""
        told = reason or Reason(
            errors.THROTTLED,
            f"{host} throttles this tenant{named} and asks to wait {seconds:.0f} s",
            f"run again after {seconds:.0f} s, or raise max_wait",
            code="429",
        )
        return self._wait(wait, TenantError(told))

    def pace(self, seconds: float, quota: pacing.Quota, host: str) -> Exception:
        """Return what to raise where our own pace puts a call off by `seconds`.

        To wait for the next minute is steady work; to wait for the hourly quota is taken from `max_wait` like a 429.
        """
        steady = seconds <= pacing.MINUTE
        window, calls = ("minute", quota.per_minute) if steady else ("hourly", quota.per_hour)
        free_at = time.strftime("%H:%M:%S UTC", time.gmtime(clock.time() + seconds))
        error = TenantError(
            Reason(
                errors.THROTTLED,
                f"the {window} quota of {calls} {quota.call} calls at {host} is used up until {free_at}",
                f"run again after {seconds:.0f} s, or raise max_wait",
            )
        )
        return self._pause(seconds, error) if steady else self._wait(seconds, error)

    def share(self, call: str, wait: Postponed) -> Exception:
        """Return what to raise after a call of another tenant, whose answer this one was waiting for, was postponed."""
        if wait.error.reason.state == errors.THROTTLED:
            return self._wait(wait.seconds, wait.error)
        return self.after_failure(call, wait.error.reason)

    def _pause(self, seconds: float, error: TenantError) -> Postponed:
        self.spend(seconds)
        return Postponed(seconds, error)

    def _wait(self, seconds: float, error: TenantError) -> Exception:
        if seconds > self._left:
            return error
        self._left -= seconds
        return Postponed(seconds, error)
