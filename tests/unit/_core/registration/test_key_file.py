# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from support.vaults import keep, opened, vault

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.registration import key_pairs
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.key_file import KeyFile
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.key_pairs import KeyPair

DAY = 24 * 3600
RUN = vault(default="another", soc="pass")


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return key_pairs.make("ansible", 180 * DAY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "partner.pem"


@pytest.mark.parametrize("run_vault", [None, RUN], ids=["plain", "encrypted"])
def test_the_next_pair_lies_beside_the_file_until_it_takes_its_place(
    pair: KeyPair, path: Path, run_vault: object
) -> None:
    file = KeyFile("dest", path, run_vault)  # type: ignore[arg-type]
    assert (file.pair(), file.next_pair()) == (None, None)
    file.keep_next(pair)
    (beside,) = path.parent.iterdir()
    assert (beside.name, stat.S_IMODE(beside.stat().st_mode)) == (".partner.pem.next", 0o600)
    assert (b"PRIVATE KEY" in beside.read_bytes()) is (run_vault is None)
    assert (file.pair(), file.next_pair()) == (None, pair)
    file.turn()
    assert (file.pair(), file.next_pair()) == (pair, None)


def test_a_new_file_is_encrypted_as_ansible_vault_would_and_its_successors_as_it_is(pair: KeyPair, path: Path) -> None:
    KeyFile("dest", path, RUN).keep_next(pair)
    beside = path.with_name(".partner.pem.next")
    assert opened(beside.read_text(), "another") == pair.credential.pem().decode()
    keep(pair, path, "pass", "soc")
    KeyFile("dest", path, RUN).keep_next(pair)
    assert opened(beside.read_text(), "pass") == pair.credential.pem().decode()


@pytest.mark.parametrize(
    ("password", "run_vault", "sentence"),
    [
        ("pass", None, "it is encrypted: set encrypt to true"),
        (None, RUN, "it is not encrypted: encrypt it with ansible-vault, or set encrypt to false"),
        ("lost", RUN, "no vault password of this run opens it: run with --vault-password-file"),
        ("pass", vault(), "it is encrypted, and this run has no vault password: run with --vault-password-file"),
    ],
    ids=["encrypted", "plain", "wrong password", "no password"],
)
@pytest.mark.parametrize("which", ["partner.pem", ".partner.pem.next"])
def test_a_file_in_another_form_is_refused_by_its_name(
    pair: KeyPair, path: Path, which: str, password: str | None, run_vault: object, sentence: str
) -> None:
    keep(pair, path.with_name(which), password)
    file = KeyFile("dest", path, run_vault)  # type: ignore[arg-type]
    with pytest.raises(OptionError) as refused:
        file.pair() if which == "partner.pem" else file.next_pair()
    assert str(refused.value).startswith(f"dest {path.with_name(which)} cannot be used: {sentence}")


def test_what_could_not_be_encrypted_is_told_before_there_is_anything_to_encrypt(pair: KeyPair, path: Path) -> None:
    with pytest.raises(OptionError, match=r"^dest .*/partner.pem cannot be used: it is to be encrypted, and this run"):
        KeyFile("dest", path, vault()).check()
    keep(pair, path, "lost")
    with pytest.raises(OptionError, match="no vault password of this run opens it"):
        KeyFile("dest", path, RUN).check()
    KeyFile("dest", path, None).check()
    assert [each.name for each in path.parent.iterdir()] == ["partner.pem"]
