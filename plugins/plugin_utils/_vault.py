# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible Vault with the vault secrets of the running ansible-playbook. Seen working on ansible-core 2.16 to 2.21."""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, match_encrypt_secret, parse_vaulttext_envelope


class RunVault:
    """Encrypts and decrypts text. `secrets` are the pairs of vault ID and secret that the run was given."""

    def __init__(self, secrets: list[tuple[str, Any]]) -> None:
        self._secrets = secrets

    @classmethod
    def of(cls, loader: DataLoader) -> RunVault:
        """Return the vault of the run that this loader of files belongs to."""
        return cls(loader._vault.secrets or [])  # noqa: SLF001 - there is no public way

    def decrypt(self, text: str) -> bytes:
        """Return what was encrypted. Raises ValueError with the reason where no secret of the run opens it."""
        return self._open(text)[0]

    def encrypt(self, text: str, earlier: str | None) -> str:
        """Return the text encrypted, with the secret that opens `earlier` and under its label.

        Without `earlier` secret and label are those that `ansible-vault encrypt` would take. Raises ValueError with
        the reason where the run has none.
        """
        if not self._secrets:
            raise ValueError("it is to be encrypted, and this run has no vault password")
        if earlier:
            secret, label = self._open(earlier)[1], parse_vaulttext_envelope(earlier.encode())[3]
        else:
            label, secret = self._first_choice()
        encrypted: bytes = VaultLib(self._secrets).encrypt(text, secret, vault_id=label)
        return encrypted.decode()

    def _first_choice(self) -> tuple[str, Any]:
        try:
            choice: tuple[str, Any] = match_encrypt_secret(self._secrets, constants.DEFAULT_VAULT_ENCRYPT_IDENTITY)
        except AnsibleError:
            wanted = constants.DEFAULT_VAULT_ENCRYPT_IDENTITY
            raise ValueError(f"this run has no vault password of the vault ID '{wanted}'") from None
        return choice

    def _open(self, text: str) -> tuple[bytes, Any]:
        """Return what was encrypted and the secret that opened it; its label is only a hint at which one that is."""
        if not self._secrets:
            raise ValueError("it is encrypted, and this run has no vault password")
        for pair in self._secrets:
            try:
                return VaultLib([pair]).decrypt(text.encode()), pair[1]
            except AnsibleError:
                continue
        raise ValueError("no vault password of this run opens it")
