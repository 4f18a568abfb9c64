# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from support.vaults import encrypted, vault

from ansible_collections.mssp.defender.plugins.module_utils._core import vaults
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.vaults import Vault

NAMED = "dest /etc/partner.pem"
SEALED = encrypted("canary", "pass").encode()


def refusal(content: bytes, run_vault: Vault | None) -> str:
    with pytest.raises(OptionError) as refused:
        vaults.opened(content, run_vault, NAMED)
    assert "canary" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("content", [b"", b"canary", b"\xff\x00", b" $ANSIBLE_VAULT;1.1;AES256\n", b"$ANSIBLE_VAULT"])
def test_what_is_not_encrypted_is_as_it_is(content: bytes) -> None:
    assert vaults.opened(content, None, NAMED) == content


def test_what_is_encrypted_is_opened() -> None:
    assert vaults.opened(SEALED, vault(dev="another", prod="pass"), NAMED) == b"canary"


@pytest.mark.parametrize(
    "content",
    [SEALED, SEALED[:90], b"$ANSIBLE_VAULT;", b"$ANSIBLE_VAULT;\n", b"$ANSIBLE_VAULT;9.9;XOR\n3061\n\xff"],
    # what is encrypted is another text each time
    ids=["another password", "cut off", "mark alone", "no body", "unknown form"],
)
def test_what_no_password_opens_is_refused_with_what_to_do(content: bytes) -> None:
    assert refusal(content, vault(default="another")) == (
        f"{NAMED} cannot be used: no vault password of this run opens it: "
        "run with --vault-password-file or --vault-id of this file"
    )


def test_a_run_without_a_password_says_so() -> None:
    assert "it is encrypted, and this run has no vault password" in refusal(SEALED, vault())


def test_where_no_vault_is_the_sentence_says_where_one_would_be() -> None:
    assert refusal(SEALED, None).startswith(
        f"{NAMED} is encrypted with Ansible Vault, which only a task that runs on the controller can open"
    )
