# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible's vault encrypts: the vault of a run, and files that keep a credential."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.mssp.defender.plugins.module_utils._core.registration.key_pairs import KeyPair
from ansible_collections.mssp.defender.plugins.plugin_utils._vault import RunVault

VAULT_PASSWORD = "a vault password of a test"


def secrets(**passwords: str) -> list[tuple[str, VaultSecret]]:
    """Return what the run was given: by vault ID its password, in this order."""
    return [(vault_id, VaultSecret(password.encode())) for vault_id, password in passwords.items()]


def vault(**passwords: str) -> RunVault:
    return RunVault(secrets(**passwords))


def encrypted(text: str | bytes, password: str, vault_id: str | None = None) -> str:
    """Return the text as `ansible-vault encrypt` writes it."""
    return VaultLib().encrypt(text, VaultSecret(password.encode()), vault_id=vault_id).decode()


def opened(text: str, password: str) -> str:
    """Return what `ansible-vault view` shows. Raises AnsibleError for a wrong password."""
    return VaultLib(secrets(default=password)).decrypt(text).decode()


def keep(pair: KeyPair, path: Path, password: str | None = None, vault_id: str | None = None) -> None:
    """Put a pair into a file that its owner alone can read, encrypted where a password is given."""
    pem = pair.credential.pem().decode()
    path.write_text(encrypted(pem, password, vault_id) if password else pem)
    path.chmod(0o600)


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
