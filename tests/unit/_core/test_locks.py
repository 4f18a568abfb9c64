# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import os
import stat
import threading
from pathlib import Path

import pytest
from support.machine import Clock

from ansible_collections.mssp.defender.plugins.module_utils._core import locks
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError, UntrustedFile


def test_a_lock_leaves_nothing_behind_and_can_be_taken_again(tmp_path: Path) -> None:
    for _unused in range(2):
        with locks.locked("dest", tmp_path, patience=0):
            (file,) = tmp_path.iterdir()
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == []


def test_a_lock_is_given_up_by_a_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locks.locked("dest", tmp_path, patience=0):
        raise KeyError
    with locks.locked("dest", tmp_path, patience=0):
        pass


def test_a_folder_that_stays_locked_is_refused_after_a_while(tmp_path: Path, clock: Clock) -> None:
    with locks.locked("dest", tmp_path, patience=0):
        with pytest.raises(OptionError) as refused, locks.locked("dest", tmp_path, patience=60):
            raise AssertionError
        with locks.locked("dest", make_folder(tmp_path / "another"), patience=0):
            pass
    assert str(refused.value).startswith(f"dest: another run is changing files in {tmp_path} all the time: run again")
    assert 59 < sum(clock.pauses) < 61


def test_one_run_waits_for_another(tmp_path: Path) -> None:
    done: list[str] = []

    def second() -> None:
        with locks.locked("dest", tmp_path, patience=10):
            done.append("second")

    with locks.locked("dest", tmp_path, patience=0):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.3)
        assert done == []
        done.append("first")
    waiting.join(10)
    assert done == ["first", "second"]


def make_folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_many_that_wait_get_it_one_after_the_other(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def take(number: int) -> None:
        for _unused in range(20):
            with locks.locked("dest", tmp_path, patience=60):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), set(most)) == (80, {1})
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / ".mssp.defender.lock").touch(0o600)
    with locks.locked("dest", tmp_path, patience=0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_whoever_can_read_the_folder_cannot_keep_us_waiting(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with locks.locked("dest", tmp_path, patience=0):
            pass
    finally:
        os.close(descriptor)


def test_a_lock_file_of_another_kind_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".mssp.defender.lock", 0o600)
    with pytest.raises(UntrustedFile, match="is not a regular file"), locks.locked("dest", tmp_path, patience=60):
        raise AssertionError


def test_a_file_that_somebody_keeps_locked_is_told_after_a_while(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "log"
    with path.open("wb") as theirs, path.open("rb+") as ours:
        fcntl.flock(theirs, fcntl.LOCK_SH)
        with pytest.raises(OSError, match="another process keeps it locked"):
            locks.wait_for(ours, path)
        fcntl.flock(theirs, fcntl.LOCK_UN)
        locks.wait_for(ours, path)
    assert 59 < sum(clock.pauses) < 61
