# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import Token
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_file import TokenFile


def token_file(folder: Path, secret: str = "secret") -> TokenFile:
    return TokenFile(folder / "token", ClientSecret(secret).cipher())


@pytest.fixture
def token() -> Token:
    return Token("canary-token", time.time() + 3600)


def test_the_token_is_there_for_other_tools_and_the_next_run(tmp_path: Path, token: Token) -> None:
    assert token_file(tmp_path).read() is None
    assert token_file(tmp_path).write(token) is True
    assert token_file(tmp_path).read() == Token(token.value, token.expires_at, from_cache=True)
    assert token_file(tmp_path).write(token) is False
    assert (tmp_path / "token").read_text() == "canary-token"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".token.seal", "token"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert "canary-token" not in (tmp_path / ".token.seal").read_text()


@pytest.mark.parametrize("how", ["no seal", "another token", "another credential", "a seal of nothing"])
def test_a_token_that_nothing_proves_reads_as_absent(tmp_path: Path, token: Token, how: str) -> None:
    token_file(tmp_path).write(token)
    if how == "no seal":
        (tmp_path / ".token.seal").unlink()
    elif how == "another token":
        (tmp_path / "token").write_text("theirs")
    elif how == "a seal of nothing":
        (tmp_path / ".token.seal").write_text("canary-token")
    secret = "another secret" if how == "another credential" else "secret"
    assert token_file(tmp_path, secret).read() is None
    assert token_file(tmp_path, secret).write(token) is (how == "another token")
    assert token_file(tmp_path, secret).read() is not None


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o666])
def test_a_file_that_others_can_use_is_no_longer_ours(tmp_path: Path, token: Token, mode: int) -> None:
    token_file(tmp_path).write(token)
    (tmp_path / "token").chmod(mode)
    assert token_file(tmp_path).read() is None
    assert token_file(tmp_path).write(token) is True
    assert token_file(tmp_path).read() is not None


def test_a_dry_run_writes_nothing(tmp_path: Path, token: Token) -> None:
    assert token_file(tmp_path).write(token, dry_run=True) is True
    assert list(tmp_path.iterdir()) == []
