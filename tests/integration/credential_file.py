# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of variables that keeps a secret, read the way Ansible reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from integration.in_process import VAULT_PASSWORD


class CredentialFile:
    """The file at `path`, encrypted with the tests' vault password, plain, or not there yet."""

    def __init__(self, path: Path, password: str = VAULT_PASSWORD) -> None:
        self.path = path
        self._secrets = [("default", VaultSecret(password.encode()))]

    @property
    def is_encrypted(self) -> bool:
        return self.path.read_bytes().startswith(b"$ANSIBLE_VAULT;")

    @property
    def text(self) -> str:
        """The plain text."""
        content = self.path.read_bytes()
        return (VaultLib(self._secrets).decrypt(content) if self.is_encrypted else content).decode()

    def write(self, text: str, vault_id: str | None = None) -> None:
        """Put an encrypted file there, as `ansible-vault encrypt` does."""
        sealed = VaultLib(self._secrets).encrypt(text, self._secrets[0][1], vault_id=vault_id)
        self.path.write_bytes(sealed)

    def variables(self) -> dict[str, Any]:
        """Return what Ansible finds in it; encrypted files take no other password than the tests'."""
        loader = DataLoader()
        loader.set_vault_secrets(self._secrets)
        found: dict[str, Any] = loader.load_from_file(str(self.path))
        return found

    @property
    def secret(self) -> str:
        return str(self.variables()["partner_access_client_secret"])

    @property
    def record(self) -> dict[str, Any]:
        """What the module keeps beside the secret."""
        return dict(self.variables()["partner_access_credential"])
