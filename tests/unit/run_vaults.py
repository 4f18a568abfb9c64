# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults as a run of ansible-playbook has them: vault IDs with a password each."""

from __future__ import annotations

from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.mssp.defender.plugins.plugin_utils._vault import RunVault


def secrets(**passwords: str) -> list[tuple[str, VaultSecret]]:
    """Return what the run was given: by vault ID its password, in this order."""
    return [(vault_id, VaultSecret(password.encode())) for vault_id, password in passwords.items()]


def vault(**passwords: str) -> RunVault:
    return RunVault(secrets(**passwords))


def encrypted(text: str, password: str, vault_id: str | None = None) -> str:
    """Return the text as `ansible-vault encrypt` writes it."""
    return VaultLib().encrypt(text, VaultSecret(password.encode()), vault_id=vault_id).decode()


def opened(text: str, password: str) -> str:
    """Return what `ansible-vault view` shows. Raises AnsibleError for a wrong password."""
    return VaultLib(secrets(default=password)).decrypt(text).decode()
