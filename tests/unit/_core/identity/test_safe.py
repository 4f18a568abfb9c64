# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.safe import Safe

KEY = ("https://login", "key")


def safe(folder: Path | None, secret: str = "secret", owner: str = "") -> Safe:
    return Safe(folder, ClientSecret(secret).cipher(), ".kept", owner)


def test_a_value_is_there_for_the_next(tmp_path: Path) -> None:
    safe(tmp_path).put(KEY, {"a": [1, None]})
    assert safe(tmp_path).get(KEY) == {"a": [1, None]}
    (file,) = tmp_path.iterdir()
    assert (file.suffix, file.stat().st_mode & 0o777) == (".kept", 0o600)
    assert "login" not in file.name + file.read_text()


def test_what_another_credential_put_there_reads_as_absent(tmp_path: Path) -> None:
    safe(tmp_path, "another secret").put(KEY, 1)
    assert safe(tmp_path).get(KEY) is None


def test_applications_do_not_take_each_others_place(tmp_path: Path) -> None:
    for owner in ("one", "two"):
        safe(tmp_path, owner, owner).put(KEY, owner)
    assert [safe(tmp_path, owner, owner).get(KEY) for owner in ("one", "two")] == ["one", "two"]


def test_a_file_that_was_moved_to_another_key_reads_as_absent(tmp_path: Path) -> None:
    safe(tmp_path).put(KEY, "first")
    (first,) = tmp_path.iterdir()
    safe(tmp_path).put(("other",), "other")
    (other,) = set(tmp_path.iterdir()) - {first}
    first.replace(other)
    assert (safe(tmp_path).get(KEY), safe(tmp_path).get(("other",))) == (None, None)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff\xfe", "ü".encode(), b"[1, 2]"])
def test_a_damaged_value_reads_as_absent(tmp_path: Path, content: bytes) -> None:
    safe(tmp_path).put(KEY, 1)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    assert safe(tmp_path).get(KEY) is None


def test_a_value_that_was_dropped_is_gone(tmp_path: Path) -> None:
    safe(tmp_path).put(KEY, 1)
    for _unused in range(2):
        safe(tmp_path).drop(KEY)
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_nothing_is_kept() -> None:
    kept = safe(None)
    kept.put(KEY, 1)
    kept.drop(KEY)
    assert kept.get(KEY) is None


def test_a_link_in_the_place_of_a_value_is_neither_read_nor_followed(tmp_path: Path) -> None:
    safe(tmp_path).put(KEY, 1)
    (file,) = tmp_path.iterdir()
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere").read_bytes()
    assert safe(tmp_path).get(KEY) is None
    safe(tmp_path).put(KEY, 2)
    assert (tmp_path / "elsewhere").read_bytes() == before
