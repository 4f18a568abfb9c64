# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drafts of runs that were killed are cleared by the next one, and those of runs that live are not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import drafts, files

_WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from ansible_collections.mssp.defender.plugins.module_utils._core.files import Draft
for name in sys.argv[3:]:
    Draft(Path(sys.argv[2], name)).write(["half"])
print("written", flush=True)
sys.stdin.read()
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a process that has drafts of the files named, and returns it as soon as they are there."""
    processes = []

    def start(*names: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _WRITER, os.environ["ANSIBLE_COLLECTIONS_PATH"], str(tmp_path), *names]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout
        assert process.stdout.readline() == "written\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def drafts_of(folder: Path, name: str) -> list[Path]:
    return list(folder.glob(f".{name}.*.draft"))


def test_the_next_run_clears_what_a_killed_one_left_of_any_file(tmp_path: Path, start: Start) -> None:
    killed = start("a.jsonl", "b.jsonl")
    killed.kill()
    killed.wait()
    assert len(names_in(tmp_path)) == 3
    files.replace_private(tmp_path / "b.jsonl", "whole")
    assert names_in(tmp_path) == {"b.jsonl"}


def test_drafts_of_a_run_that_lives_stay(tmp_path: Path, start: Start) -> None:
    living, killed = start("a.jsonl"), start("a.jsonl")
    killed.kill()
    killed.wait()
    before = names_in(tmp_path)
    files.replace_private(tmp_path / "a.jsonl", "whole")
    assert len(before - names_in(tmp_path)) == 2, "a draft and a lock"
    assert len(drafts_of(tmp_path, "a.jsonl")) == 1
    living.kill()
    living.wait()
    drafts.clear(tmp_path)
    assert names_in(tmp_path) == {"a.jsonl"}


def test_ones_own_drafts_stay(tmp_path: Path) -> None:
    draft = files.Draft(tmp_path / "a")
    draft.write(["half"])
    drafts.clear(tmp_path)
    assert len(drafts_of(tmp_path, "a")) == 1
    assert draft.commit() is True
    assert names_in(tmp_path) == {"a"}


def test_a_draft_without_the_lock_of_its_run_belongs_to_nobody(tmp_path: Path) -> None:
    (tmp_path / f".a.jsonl.abcdefgh.{'0' * 16}.draft").touch()
    (tmp_path / f".mssp.defender.{'1' * 16}.lock").touch(mode=0o600)
    drafts.clear(tmp_path)
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize(
    "name", [".a.jsonl.abcdefgh", f"a.jsonl.{'0' * 16}.draft", ".a.draft", f".{'0' * 15}.draft", ".a.jsonl.hunt"]
)
def test_files_of_other_names_stay(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    drafts.clear(tmp_path)
    assert names_in(tmp_path) == {name}


def test_what_is_no_file_stays_and_is_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "dest", tmp_path / "outside"
    inside.mkdir()
    outside.write_text("another's")
    (inside / f".a.jsonl.abcdefgh.{'0' * 16}.draft").symlink_to(outside)
    (inside / f".b.jsonl.abcdefgh.{'0' * 16}.draft").mkdir()
    os.mkfifo(inside / f".c.jsonl.abcdefgh.{'0' * 16}.draft")
    (inside / f".mssp.defender.{'1' * 16}.lock").symlink_to(outside)
    before = names_in(inside)
    drafts.clear(inside)
    assert names_in(inside) == before
    assert outside.read_text() == "another's"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", [".a.jsonl.abcdefgh.{}.draft", ".mssp.defender.{}.lock"])
def test_files_of_another_user_stay(tmp_path: Path, name: str) -> None:
    theirs = tmp_path / name.format("0" * 16)
    theirs.touch()
    os.chown(theirs, 4242, 4242)
    drafts.clear(tmp_path)
    assert names_in(tmp_path) == {theirs.name}


def test_threads_share_one_lock_which_goes_with_the_last_draft(tmp_path: Path) -> None:
    own = [files.Draft(tmp_path / str(number)) for number in range(8)]
    threads = [threading.Thread(target=draft.write, args=(["x"],)) for draft in own]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for draft in own:
        assert len(list(tmp_path.glob(".mssp.defender.*.lock"))) == 1
        draft.discard()
    assert names_in(tmp_path) == set()


def test_a_folder_that_cannot_be_written_to_is_told_and_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        drafts.create(tmp_path / "missing" / "a")
    with pytest.raises(OSError, match="File name too long"):
        drafts.create(tmp_path / ("a" * 240))
    assert names_in(tmp_path) == set()
