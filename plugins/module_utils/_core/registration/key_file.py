# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a certificate and its key, encrypted with Ansible Vault, or plain and private.

The next pair lies beside it, as `.NAME.next`, until it has got a token: a run that was interrupted goes on with it.
"""

from __future__ import annotations

import os
from pathlib import Path

from .. import files, ownership, vaults
from ..vaults import Vault
from . import key_pairs
from .key_pairs import KeyPair


class KeyFile:
    """The file at `path`; without a vault both pairs are plain. Methods raise OptionError for what cannot be used."""

    def __init__(self, option: str, path: Path, vault: Vault | None) -> None:
        self._option = option
        self._path = path
        self._next = path.with_name(f".{path.name}.next")
        self._vault = vault

    def check(self) -> None:
        """Raise OptionError unless a pair can be encrypted as this file is; nothing is written."""
        self._seal("")

    def pair(self) -> KeyPair | None:
        """Return the pair in the file, expired or not, or None where there is no file."""
        return self._load(self._path, ownership.WRITE)

    def next_pair(self) -> KeyPair | None:
        """Return the pair that an interrupted run has left, or None."""
        return self._load(self._next, ownership.ANY)

    def keep_next(self, pair: KeyPair) -> None:
        """Write the pair beside the file, readable by this user alone and synced to disk."""
        files.replace_private(self._next, self._seal(pair.credential.pem().decode()))

    def turn(self) -> None:
        """Put the next pair in the place of the one in the file."""
        self._next.replace(self._path)

    def _load(self, path: Path, denied: int) -> KeyPair | None:
        """Return the pair in a file of this user's, which gives others none of the permissions `denied`."""
        if not os.path.lexists(path):
            return None
        files.check_own(self._option, path, denied)
        vaults.check_form(files.given_to(self._option, path), bool(self._vault), f"{self._option} {path}")
        return key_pairs.load(path, self._option, self._vault)

    def _seal(self, text: str) -> str:
        if not self._vault:
            return text
        found = files.read_text(self._path) or ""
        earlier = found if found.startswith(vaults.MARK) else None
        return vaults.sealed(text, self._vault, earlier, f"{self._option} {self._path}")
