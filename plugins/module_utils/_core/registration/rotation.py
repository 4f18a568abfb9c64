# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a credential of the application is due for rotation, and which of its predecessors may go.

The rule behind it: at any moment one credential that works is registered, and the last good one stays for a while
after its successor has proven itself, because somebody may still be using it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict

from .. import timestamps
from .directory import KeyCredential, PasswordCredential

# how far the clocks of this machine and of the directory may be apart, in seconds
_CLOCK_SKEW = 300


class CredentialResult(TypedDict, total=False):
    """A credential as it stands in results: a secret or certificate has times, a federated one says whose tokens."""

    name: str
    key_id: str | None
    starts_at: str
    expires_at: str
    issuer: str
    subject: str
    audiences: list[str]
    description: str | None


@dataclass(frozen=True)
class Registered:
    """A secret or certificate as the application lists it. Times are seconds since 1970."""

    key_id: str
    name: str
    starts: float
    ends: float

    def to_result(self) -> CredentialResult:
        """Return it as it stands in results."""
        return {
            "name": self.name,
            "key_id": self.key_id,
            "starts_at": timestamps.render_seconds(self.starts),
            "expires_at": timestamps.render_seconds(self.ends),
        }


@dataclass(frozen=True)
class Plan:
    """How long a credential lives, when before its end it is replaced, and how long its predecessor stays; seconds."""

    lifetime: float
    rotate_before: float
    overlap: float

    def is_due(self, current: Registered | None, now: float) -> bool:
        """Tell whether a new credential is needed."""
        return current is None or current.ends - now < self.rotate_before

    def retired(
        self,
        others: Iterable[Registered],
        current: Registered,
        now: float,
        previous: str | None = None,
        attempt: float | None = None,
    ) -> list[Registered]:
        """Return which of the other credentials of the same name may go, now that `current` works.

        `previous` is the key id of the last good one; without it any of them may be that one, and all stay for the
        overlap. `attempt` is when a rotation began that nobody finished: what came after it was never handed out.
        """
        return [other for other in others if not self._stays(other, current, now, previous, attempt)]

    def _stays(
        self, other: Registered, current: Registered, now: float, previous: str | None, attempt: float | None
    ) -> bool:
        if other.key_id == previous or (previous is None and not _is_orphan(other, attempt)):
            return now < min(other.ends, current.starts + self.overlap)
        return False


def registered(credentials: Iterable[PasswordCredential | KeyCredential], name: str | None = None) -> list[Registered]:
    """Read `passwordCredentials` or `keyCredentials`, of one name only where it is given."""
    found = [
        Registered(
            key_id=item["keyId"],
            name=item.get("displayName") or "",
            starts=timestamps.ticks(item["startDateTime"]) / timestamps.TICKS_PER_SECOND,
            ends=timestamps.ticks(item["endDateTime"]) / timestamps.TICKS_PER_SECOND,
        )
        for item in credentials
    ]
    return [item for item in found if name in (None, item.name)]


def find(credentials: Iterable[Registered], key_id: str | None) -> Registered | None:
    """Return the credential of this key id, or None."""
    return next((item for item in credentials if item.key_id == key_id), None)


def longest(credentials: Iterable[Registered]) -> Registered | None:
    """Return the credential that is good for the longest time, or None."""
    return max(credentials, key=lambda item: item.ends, default=None)


def _is_orphan(other: Registered, attempt: float | None) -> bool:
    return attempt is not None and other.starts >= attempt - _CLOCK_SKEW
