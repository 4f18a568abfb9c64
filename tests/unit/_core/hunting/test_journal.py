# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from support.machine import no_file_larger_than

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import UntrustedFile
from ansible_collections.mssp.defender.plugins.module_utils._core.hunting.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_lines_are_there_for_the_next(path: Path) -> None:
    first = Journal(path)
    assert (first.is_new, first.lines) == (True, [])
    first.append("one\n\u2028")
    first.append({"two": 2})
    first.close()
    second = Journal(path)
    assert (second.is_new, second.lines) == (False, ["one\n\u2028", {"two": 2}])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_process_has_it_at_a_time(path: Path) -> None:
    first = Journal(path)
    with pytest.raises(BlockingIOError):
        Journal(path)
    first.append(1)
    first.close()
    Journal(path).close()
    assert path.exists()


@pytest.mark.parametrize("read_only", [False, True])
def test_one_that_others_can_write_to_says_nothing(path: Path, read_only: bool) -> None:
    path.write_text("1\n")
    path.chmod(0o666)
    with pytest.raises(UntrustedFile, match="is a file that others can write to"):
        Journal(path, read_only)


def test_an_empty_one_does_not_stay(path: Path) -> None:
    journal = Journal(path)
    journal.append(1)
    journal.clear()
    journal.close()
    journal.close()
    assert not path.exists()


def test_a_reader_makes_nothing_and_waits_for_nobody(path: Path) -> None:
    Journal(path, read_only=True).append(1)
    assert not path.exists()
    writer = Journal(path)
    writer.append(1)
    reader = Journal(path, read_only=True)
    reader.clear()
    reader.append(2)
    reader.close()
    assert path.read_text() == "1\n"


@pytest.mark.parametrize("torn", ['{"lo', "2", "\x00\x00"])
def test_a_torn_line_is_cut_away(path: Path, torn: str) -> None:
    path.write_text(f"1\n{torn}")
    journal = Journal(path)
    assert (journal.is_new, journal.lines) == (False, [1])
    assert path.read_text() == f"1\n{torn}"
    journal.append(3)
    assert path.read_text() == "1\n3\n"


def test_a_torn_first_line_is_still_a_trace(path: Path) -> None:
    path.write_text('"sco')
    journal = Journal(path)
    assert (journal.is_new, journal.lines) == (False, [])


def test_a_file_that_is_none_is_left_alone(path: Path) -> None:
    path.write_text("none\n")
    with pytest.raises(ValueError, match="Expecting value"):
        Journal(path)
    assert path.read_text() == "none\n"
    path.write_text("1\n")
    Journal(path).close()


def test_a_line_that_does_not_fit_leaves_no_trace(path: Path) -> None:
    journal = Journal(path)
    journal.append(1)
    with no_file_larger_than(10), pytest.raises(OSError, match="too large"):
        journal.append("x" * 100)
    assert (path.read_text(), journal.lines) == ("1\n", [1])
    journal.append(2)
    assert path.read_text() == "1\n2\n"
