# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients asked for: counts and the last requests, without any secret or token."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass

_KEPT = 2000


@dataclass(frozen=True)
class SeenRequest:
    """One request.

    ``tenant`` is a tenant id, ``status`` 0 when the connection was broken instead of answered, ``credential`` how a
    token request proved its client (``client_secret`` or ``client_assertion``), ``refusal`` an AADSTS number.
    """

    method: str
    path: str
    tenant: str | None
    status: int
    credential: str | None
    refusal: int | None


class RequestsSeen:
    """Counts by ``METHOD route`` since the start or the last clearing, and the last 2,000 requests."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._last: deque[SeenRequest] = deque(maxlen=_KEPT)

    def add(self, route: str, request: SeenRequest) -> None:
        """Count one request under its route's template."""
        self._counts[f"{request.method} {route}"] += 1
        self._last.append(request)

    def clear(self) -> None:
        """Forget all."""
        self._counts.clear()
        self._last.clear()

    def report(self) -> dict[str, object]:
        """``counts`` by route and ``requests``, oldest first."""
        return {"counts": dict(self._counts), "requests": [asdict(request) for request in self._last]}
