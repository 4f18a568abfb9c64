# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that outlive a task, one encrypted file each: no lock is needed, and no tenant slows another.

The key comes from the application's own credential. So the folder alone is worth nothing, and what anybody put there
who lacks the credential reads as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from .. import files
from ..dependencies import Fernet, InvalidToken

Key = tuple[str, ...]


class Safe:
    """JSON values by key in a folder; without one nothing is kept.

    Each is in a file whose name ends in `suffix`. `owner` sets applications that share a folder apart.
    """

    def __init__(self, folder: Path | None, cipher: Fernet, suffix: str, owner: str = "") -> None:
        self._folder = folder
        self._cipher = cipher
        self._suffix = suffix
        self._owner = owner

    def get(self, key: Key) -> Any:
        """Return the value, or None where there is none that this credential put there under this key."""
        text = files.read_text(self._path(self._folder, key)) if self._folder else None
        # the file could have been moved from another key's place
        named, value = opened(self._cipher, text) or (None, None)
        return value if named == [self._owner, *key] else None

    def put(self, key: Key, value: object) -> None:
        """Keep the value, where that can be: what is not kept is asked for again."""
        if self._folder:
            with contextlib.suppress(OSError):
                text = sealed(self._cipher, [[self._owner, *key], value])
                files.replace_private(self._path(self._folder, key), text, durable=False)

    def drop(self, key: Key) -> None:
        if self._folder:
            self._path(self._folder, key).unlink(missing_ok=True)

    def _path(self, folder: Path, key: Key) -> Path:
        return folder / f"{hashlib.sha256(json.dumps([self._owner, *key]).encode()).hexdigest()}{self._suffix}"


def sealed(cipher: Fernet, pair: list[object]) -> str:
    """Return two JSON values as a text that only the cipher's key opens, and only it can make."""
    return cipher.encrypt(json.dumps(pair).encode()).decode()


def opened(cipher: Fernet, text: str | None) -> tuple[Any, Any] | None:
    """Return the two values, or None for a text that was not sealed with this key."""
    try:
        first, second = json.loads(cipher.decrypt((text or "").encode()))
    except (InvalidToken, ValueError, TypeError):
        return None
    return first, second
