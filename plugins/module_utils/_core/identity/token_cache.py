# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens that outlive a task."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from ..dependencies import Fernet
from .safe import Key, Safe

MARGIN = 300
"""Seconds of life a token must have left to be handed out."""


@dataclass(frozen=True)
class Token:
    """An access token and when it expires (seconds since 1970)."""

    value: str = field(repr=False)
    expires_at: float
    from_cache: bool = False

    def is_fresh(self) -> bool:
        return self.expires_at - time.time() > MARGIN


class TokenCache:
    """Tokens in a folder; without one nothing is kept."""

    def __init__(self, folder: Path | None, cipher: Fernet) -> None:
        self._safe = Safe(folder, cipher, ".token")

    def get(self, key: Key) -> Token | None:
        """Return a token with at least MARGIN seconds left, or None."""
        value, expires_at = self._safe.get(key) or ("", 0.0)
        token = Token(value, expires_at, from_cache=True)
        return token if token.is_fresh() else None

    def put(self, key: Key, token: Token) -> None:
        """Keep the token, where that can be: one that is not kept is as good, and the next is acquired anew."""
        self._safe.put(key, [token.value, token.expires_at])

    def drop(self, key: Key) -> None:
        self._safe.drop(key)
