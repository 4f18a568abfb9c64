# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible Vault has encrypted, opened in memory by the vault of the run: two functions, as the core sees it."""

from __future__ import annotations

from typing import Protocol

from .errors import OptionError

MARK = "$ANSIBLE_VAULT;"
"""What each encrypted text begins with."""


class Vault(Protocol):
    """Encrypts and decrypts with the vault secrets of the run."""

    def decrypt(self, text: str) -> bytes:
        """Return what was encrypted. Raises ValueError with the reason where no secret of the run opens it."""

    def encrypt(self, text: str, earlier: str | None) -> str:
        """Return the text encrypted, under the same vault ID as `earlier` where that is given.

        Raises ValueError with the reason where the run has no such vault secret.
        """


def check_form(content: bytes, encrypts: bool, named: str) -> None:
    """Raise OptionError for a file that is encrypted and is to be plain, or the other way round."""
    if content.startswith(MARK.encode()) == encrypts:
        return
    if encrypts:
        why = "it is not encrypted: encrypt it with ansible-vault, or set encrypt to false"
    else:
        why = "it is encrypted: set encrypt to true"
    raise OptionError(f"{named} cannot be used: {why}")


def sealed(text: str, vault: Vault, earlier: str | None, named: str) -> str:
    """Return the text encrypted, as `Vault.encrypt` does. Raises OptionError where the run cannot."""
    try:
        return vault.encrypt(text, earlier)
    except ValueError as error:
        remedy = "run with --vault-password-file or --vault-id, or set encrypt to false"
        raise OptionError(f"{named} cannot be used: {error}: {remedy}") from None


def opened(content: bytes, vault: Vault | None, named: str) -> bytes:
    """Return what a file holds: as it is, or decrypted where it is encrypted.

    `named` is how messages call the file, `vault` is None where the run has none. Raises OptionError for what cannot
    be decrypted.
    """
    if not content.startswith(MARK.encode()):
        return content
    if vault is None:
        raise OptionError(
            f"{named} is encrypted with Ansible Vault, which only a task that runs on the controller can open (not one "
            "with delegate_to or async, nor the event source): run it there, or name a plain file"
        )
    try:
        return vault.decrypt(content.decode("ascii", "replace"))
    except ValueError as error:
        remedy = "run with --vault-password-file or --vault-id of this file"
        raise OptionError(f"{named} cannot be used: {error}: {remedy}") from None
