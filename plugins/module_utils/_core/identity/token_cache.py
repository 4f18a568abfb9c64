# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens that outlive a task, one encrypted file each: no lock is needed, and no tenant slows another.

The key comes from the application's own credential, so the folder alone is worth nothing, and an entry made with
another credential reads as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import files
from ..dependencies import InvalidToken

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

    def __init__(self, folder: Path | None, cipher: Any) -> None:
        self._folder = folder
        self._cipher = cipher

    def get(self, key: tuple[str, ...]) -> Token | None:
        """Return a token with at least MARGIN seconds left, or None."""
        token = self._decrypt(files.read_text(self._path(self._folder, key))) if self._folder else None
        return token if token and token.is_fresh() else None

    def put(self, key: tuple[str, ...], token: Token) -> None:
        """Keep the token, where that can be: one that is not kept is as good, and the next is acquired anew."""
        if self._folder:
            encrypted = self._cipher.encrypt(json.dumps([token.value, token.expires_at]).encode()).decode()
            with contextlib.suppress(OSError):
                files.replace_private(self._path(self._folder, key), encrypted, durable=False)

    def drop(self, key: tuple[str, ...]) -> None:
        if self._folder:
            self._path(self._folder, key).unlink(missing_ok=True)

    def _decrypt(self, encrypted: str | None) -> Token | None:
        if encrypted is None:
            return None
        try:
            value, expires_at = json.loads(self._cipher.decrypt(encrypted.encode()))
        except (InvalidToken, ValueError):
            return None
        return Token(value, expires_at, from_cache=True)

    @staticmethod
    def _path(folder: Path, key: tuple[str, ...]) -> Path:
        return folder / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.token"
