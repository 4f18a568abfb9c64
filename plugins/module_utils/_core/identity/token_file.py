# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token in a file, where other tools take it from, with a seal beside it.

Another program may put any token into the file, and not every token can be verified. So the token in it counts only
where the seal, which is made with the application's own credential, says that it came from the token endpoint.
"""

from __future__ import annotations

from pathlib import Path

from .. import files, ownership
from ..dependencies import Fernet
from . import safe
from .token_cache import Token


class TokenFile:
    """The 0600 file at `path`, and `.NAME.seal`. Methods raise OSError for what cannot be written."""

    def __init__(self, path: Path, cipher: Fernet) -> None:
        self.path = path
        self._seal = path.with_name(f".{path.name}.seal")
        self._cipher = cipher

    def read(self) -> Token | None:
        """Return the token in the file, or None where nothing proves that it was put there with this credential."""
        text = (files.read_text(self.path, ownership.ANY) or "").strip()
        seal = safe.opened(self._cipher, files.read_text(self._seal))
        return Token(text, seal[1], from_cache=True) if text and seal and seal[0] == text else None

    def write(self, token: Token, dry_run: bool = False) -> bool:
        """Put the token there, and tell whether that changed the file."""
        earlier = self.read()
        if earlier is None or earlier.value != token.value:
            seal = safe.sealed(self._cipher, [token.value, token.expires_at])
            files.replace_private(self._seal, seal, dry_run=dry_run)
        return files.replace_private(self.path, token.value, dry_run=dry_run)
