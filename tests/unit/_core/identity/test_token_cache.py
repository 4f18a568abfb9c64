# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import MARGIN, Token, TokenCache

KEY = ("https://login", "44444444-4444-4444-8444-444444444444", "client", "resource", "v2")


def cache_with(secret: str, folder: Path | None) -> TokenCache:
    return TokenCache(folder, ClientSecret(secret).cipher())


def token(value: str = "canary-token", life: float = 3600) -> Token:
    return Token(value, time.time() + life)


def test_a_kept_token_is_handed_out_again(tmp_path: Path) -> None:
    kept = token()
    cache_with("secret", tmp_path).put(KEY, kept)
    found = cache_with("secret", tmp_path).get(KEY)
    assert found == Token(kept.value, kept.expires_at, from_cache=True)


def test_an_entry_of_another_credential_reads_as_absent(tmp_path: Path) -> None:
    cache_with("secret", tmp_path).put(KEY, token())
    assert cache_with("another secret", tmp_path).get(KEY) is None


@pytest.mark.parametrize("position", range(len(KEY)))
def test_any_part_of_the_key_sets_entries_apart(tmp_path: Path, position: int) -> None:
    cache = cache_with("secret", tmp_path)
    cache.put(KEY, token())
    assert cache.get((*KEY[:position], "other", *KEY[position + 1 :])) is None


def test_the_file_alone_reveals_neither_token_nor_tenant(tmp_path: Path) -> None:
    cache_with("secret", tmp_path).put(KEY, token())
    (file,) = tmp_path.iterdir()
    revealed = file.name.encode() + file.read_bytes()
    assert b"canary-token" not in revealed
    assert not any(part.encode() in revealed for part in KEY[:4])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(("life", "handed_out"), [(-1, False), (MARGIN - 5, False), (MARGIN + 5, True)])
def test_a_token_about_to_expire_is_not_handed_out(tmp_path: Path, life: float, handed_out: bool) -> None:
    cache = cache_with("secret", tmp_path)
    cache.put(KEY, token(life=life))
    assert (cache.get(KEY) is not None) == handed_out


def test_a_dropped_token_is_gone(tmp_path: Path) -> None:
    cache = cache_with("secret", tmp_path)
    cache.put(KEY, token())
    cache.drop(KEY)
    cache.drop(KEY)
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_nothing_is_kept() -> None:
    cache = cache_with("secret", None)
    cache.put(KEY, token())
    cache.drop(KEY)
    assert cache.get(KEY) is None


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff\xfe", "ü".encode()])
def test_a_damaged_entry_reads_as_absent(tmp_path: Path, content: bytes) -> None:
    cache = cache_with("secret", tmp_path)
    cache.put(KEY, token())
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    assert cache.get(KEY) is None


def test_a_token_does_not_show_its_value() -> None:
    assert "canary-token" not in repr(token())
