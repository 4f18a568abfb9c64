# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.token_cache import MARGIN, Token, TokenCache

KEY = ("https://login", "44444444-4444-4444-8444-444444444444", "client", "resource", "v2")


def cache_with(secret: str, *folders: Path) -> TokenCache:
    return TokenCache(list(folders), ClientSecret(secret).cipher())


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


def test_the_first_folder_is_asked_first_and_all_are_written(tmp_path: Path) -> None:
    run, kept = tmp_path / "run", tmp_path / "kept"
    run.mkdir()
    kept.mkdir()
    cache_with("secret", kept).put(KEY, token("old"))
    both = cache_with("secret", run, kept)
    assert getattr(both.get(KEY), "value", None) == "old"
    cache_with("secret", run).put(KEY, token("new"))
    assert getattr(both.get(KEY), "value", None) == "new"
    both.put(KEY, token("newest"))
    assert getattr(cache_with("secret", kept).get(KEY), "value", None) == "newest"


def test_a_stale_entry_in_the_first_folder_does_not_hide_a_fresh_one(tmp_path: Path) -> None:
    run, kept = tmp_path / "run", tmp_path / "kept"
    run.mkdir()
    kept.mkdir()
    cache_with("secret", run).put(KEY, token("stale", life=10))
    cache_with("secret", kept).put(KEY, token("fresh"))
    assert getattr(cache_with("secret", run, kept).get(KEY), "value", None) == "fresh"


def test_a_dropped_token_is_gone_from_all_folders(tmp_path: Path) -> None:
    run, kept = tmp_path / "run", tmp_path / "kept"
    run.mkdir()
    kept.mkdir()
    cache = cache_with("secret", run, kept)
    cache.put(KEY, token())
    cache.drop(KEY)
    cache.drop(KEY)
    assert [*run.iterdir(), *kept.iterdir()] == []


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff\xfe", "ü".encode()])
def test_a_damaged_entry_reads_as_absent(tmp_path: Path, content: bytes) -> None:
    cache = cache_with("secret", tmp_path)
    cache.put(KEY, token())
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    assert cache.get(KEY) is None


def test_a_token_does_not_show_its_value() -> None:
    assert "canary-token" not in repr(token())
