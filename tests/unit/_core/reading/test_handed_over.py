# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file holds beyond its checkpoint. What that is good for is proven with the delivery itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.reading.handed_over import FileEnd


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "contoso.jsonl"
    found.write_text('{"id": 1}\n')
    return found


def added(end: FileEnd, path: Path, more: bytes) -> list[dict[str, int]]:
    with path.open("ab") as stream:
        stream.write(more)
    return [dict(record) for record in end.records_behind(path)]


def test_what_was_added_since_is_found(path: Path) -> None:
    assert added(FileEnd.of(path), path, b'{"id": 2}\n{"id": 3}\n') == [{"id": 2}, {"id": 3}]


def test_a_file_that_was_not_there_began_at_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    assert added(FileEnd.of(path), path, b'{"id": 1}\n') == [{"id": 1}]


@pytest.mark.parametrize(
    "torn", [b'{"id": ', b"[1]\n", b"\xff\n", b'{"id": "\xed\xa0\x80"}\n', b"\0\0\0", b"[" * 100_000]
)
def test_what_is_no_record_is_passed_over(path: Path, torn: bytes) -> None:
    assert added(FileEnd.of(path), path, b'{"id": 2}\n' + torn) == [{"id": 2}]


def test_a_file_that_began_anew_tells_nothing(path: Path) -> None:
    end = FileEnd.of(path)
    path.write_text("")
    assert added(end, path, b"{}\n") == []


def test_another_file_tells_nothing(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "fabrikam.jsonl"
    other.write_text('{"id": 1}\n')
    assert added(FileEnd.of(path), other, b'{"id": 2}\n') == []


def test_a_file_that_is_gone_tells_nothing(path: Path) -> None:
    end = FileEnd.of(path)
    path.unlink()
    assert list(end.records_behind(path)) == []
