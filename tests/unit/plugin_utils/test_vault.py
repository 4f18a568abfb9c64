# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible import constants
from ansible.parsing.dataloader import DataLoader
from support.vaults import encrypted, opened, secrets, vault

from ansible_collections.mssp.defender.plugins.plugin_utils._vault import RunVault

TEXT = "my_secret: ü\n"


def reason(call: object, *arguments: object) -> str:
    with pytest.raises(ValueError, match=r"\w") as refused:
        call(*arguments)  # type: ignore[operator]
    return str(refused.value)


@pytest.mark.parametrize("vault_id", [None, "prod", "a-label-nobody-knows"])
def test_a_text_is_opened_by_any_password_of_the_run(vault_id: str | None) -> None:
    assert vault(dev="dev-pass", prod="prod-pass").decrypt(encrypted(TEXT, "prod-pass", vault_id)) == TEXT.encode()


def test_what_was_encrypted_is_opened_again() -> None:
    run_vault = vault(default="pass")
    assert run_vault.decrypt(run_vault.encrypt(TEXT, None)) == TEXT.encode()


def test_what_is_no_text_is_opened_as_it_is() -> None:
    assert vault(default="pass").decrypt(encrypted(b"\xff\x00", "pass")) == b"\xff\x00"


def test_the_vault_of_a_run_has_the_passwords_of_its_loader() -> None:
    loader = DataLoader()
    assert reason(RunVault.of(loader).decrypt, encrypted(TEXT, "pass")).endswith("this run has no vault password")
    loader.set_vault_secrets(secrets(dev="dev-pass", prod="pass"))
    assert RunVault.of(loader).decrypt(encrypted(TEXT, "pass")) == TEXT.encode()


def test_a_new_text_is_under_the_first_vault_id_of_the_run() -> None:
    text = vault(prod="prod-pass", dev="dev-pass").encrypt(TEXT, None)
    assert text.startswith("$ANSIBLE_VAULT;1.2;AES256;prod\n")
    assert opened(text, "prod-pass") == TEXT


def test_a_new_text_is_under_the_vault_id_that_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_VAULT_ENCRYPT_IDENTITY", "dev")
    text = vault(prod="prod-pass", dev="dev-pass").encrypt(TEXT, None)
    assert text.startswith("$ANSIBLE_VAULT;1.2;AES256;dev\n")
    assert opened(text, "dev-pass") == TEXT


def test_a_text_stays_under_its_vault_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_VAULT_ENCRYPT_IDENTITY", "prod")
    earlier = encrypted("old", "dev-pass", "dev")
    text = vault(prod="prod-pass", dev="dev-pass").encrypt(TEXT, earlier)
    assert text.startswith("$ANSIBLE_VAULT;1.2;AES256;dev\n")
    assert opened(text, "dev-pass") == TEXT


@pytest.mark.parametrize(
    "text", [encrypted("canary", "another"), "$ANSIBLE_VAULT;1.1;AES256\n30\n", "canary", "$ANSIBLE_VAULT;canary"]
)
def test_what_no_password_opens_is_a_reason_without_the_text(text: str) -> None:
    assert reason(vault(default="pass").decrypt, text) == "no vault password of this run opens it"


def test_a_run_without_passwords_has_no_vault() -> None:
    assert reason(vault().decrypt, encrypted(TEXT, "pass")) == "it is encrypted, and this run has no vault password"
    assert reason(vault().encrypt, TEXT, None) == "it is to be encrypted, and this run has no vault password"
