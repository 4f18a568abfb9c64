# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from support.machine import no_file_larger_than

from ansible_collections.mssp.defender.plugins.module_utils._core import files
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError, UntrustedFile
from ansible_collections.mssp.defender.plugins.module_utils._core.files import Draft


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    files.replace_private(tmp_path / "token", "text ü\n")
    assert (tmp_path / "token").read_bytes() == "text ü\n".encode()
    assert mode_of(tmp_path / "token") == 0o600
    assert names_in(tmp_path) == ["token"]


def test_a_draft_is_never_readable_by_others(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "token")
    for _unused in range(2):
        draft.write(["secret"])
        (beside,) = tmp_path.glob("*.draft")
        assert mode_of(beside) == 0o600
    draft.discard()


def test_the_old_content_stands_until_the_commit(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    draft = Draft(path)
    draft.write(["n", "e"])
    draft.write(["w"])
    assert path.read_text() == "old"
    assert draft.commit() is True
    assert path.read_text() == "new"
    assert mode_of(path) == 0o600


def test_a_discarded_draft_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out"
    draft = Draft(path)
    draft.write(["half"])
    draft.discard()
    draft.discard()
    assert names_in(tmp_path) == []


def test_discarding_after_the_commit_keeps_the_file(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "out")
    draft.write(["whole"])
    draft.commit()
    draft.discard()
    assert (tmp_path / "out").read_text() == "whole"


def test_unchanged_content_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out"
    files.replace_private(path, "same")
    before = path.stat()
    draft = Draft(path)
    draft.write(["sa", "me"])
    assert draft.commit() is False
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert names_in(tmp_path) == ["out"]


def test_unchanged_content_that_others_can_read_is_put_right(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("same")
    path.chmod(0o644)
    files.replace_private(path, "same")
    assert mode_of(path) == 0o600


@pytest.mark.parametrize(("existing", "changes"), [(None, True), ("old", True), ("new", False)])
def test_a_dry_run_tells_what_would_change_and_writes_nothing(
    tmp_path: Path, existing: str | None, changes: bool
) -> None:
    path = tmp_path / "out"
    if existing is not None:
        files.replace_private(path, existing)
    before = names_in(tmp_path)
    draft = Draft(path, dry_run=True)
    draft.write(["new"])
    assert draft.commit() is changes
    assert names_in(tmp_path) == before
    assert files.read_text(path) == existing


def test_an_empty_draft_makes_an_empty_file(tmp_path: Path) -> None:
    assert Draft(tmp_path / "out").commit() is True
    assert (tmp_path / "out").read_bytes() == b""


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        files.replace_private(tmp_path / "folder", "text")
    assert names_in(tmp_path) == ["folder"]


def test_what_cannot_be_read_reads_as_absent(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert files.read_text(tmp_path / "binary") is None
    assert files.read_text(tmp_path / "missing") is None
    assert files.read_text(tmp_path) is None


def test_a_missing_folder_is_refused_by_the_name_of_its_option(tmp_path: Path) -> None:
    with pytest.raises(OptionError) as refused:
        files.check_folder("dest", tmp_path / "missing")
    assert str(refused.value) == f"dest: the folder {tmp_path / 'missing'} does not exist: create it first"
    files.check_folder("dest", tmp_path)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("file", "{} is not a folder: name a folder"),
        ("file/below", "the folder {} does not exist: create it first"),
        ("dangling", "{} is a symbolic link to a folder that does not exist: create it first"),
    ],
)
@pytest.mark.parametrize("check", [files.check_folder, files.private_folder])
def test_what_is_no_folder_is_called_what_it_is(tmp_path: Path, check: Any, name: str, why: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(OptionError) as refused:
        check("cache", tmp_path / name)
    above = check is files.private_folder and name == "file/below"
    expected = "{} is not a folder: name a folder" if above else why
    assert str(refused.value) == f"cache: {expected.format(tmp_path / ('file' if above else name))}"


def test_a_private_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    made = files.private_folder("cache", tmp_path / "cache")
    assert mode_of(made) == 0o700
    assert files.private_folder("cache", made) == made


def test_a_folder_others_can_read_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    with pytest.raises(OptionError, match=r"^cache: others can read the folder .*: set its mode to 0700$"):
        files.private_folder("cache", tmp_path)


def test_a_private_folder_is_not_made_below_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^cache: the folder .*/a does not exist: create it first$"):
        files.private_folder("cache", tmp_path / "a" / "b")
    assert names_in(tmp_path) == []


def test_appending_adds_behind_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n")
    path.chmod(0o644)
    for text in ("two\n", "three\n"):
        draft = files.Draft(path)
        draft.write([text])
        assert draft.append() is True
    assert path.read_text() == "one\ntwo\nthree\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_appending_cuts_away_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('{"whole": 1}\n{"torn": "' + "x" * 3_000_000)
    draft = files.Draft(path)
    draft.write(["next\n"])
    draft.append()
    assert path.read_text() == '{"whole": 1}\nnext\n'


def test_two_that_append_at_once_leave_each_other_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    drafts = []
    for number in range(8):
        draft = files.Draft(path)
        draft.write([f'{{"line": "{number}{"x" * 100}"}}\n'] * 30_000)
        drafts.append(threading.Thread(target=draft.append))
    for thread in drafts:
        thread.start()
    for thread in drafts:
        thread.join()
    lines = path.read_text().splitlines()
    assert len(lines) == 8 * 30_000
    assert {json.loads(line)["line"][0] for line in set(lines)} == set("01234567")


def test_appending_keeps_a_last_line_that_only_lacks_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('{"whole": 1}\n{"whole": 2}')
    draft = files.Draft(path)
    draft.write(['{"whole": 3}\n'])
    draft.append()
    assert path.read_text() == '{"whole": 1}\n{"whole": 2}\n{"whole": 3}\n'


def test_a_thousand_drafts_at_once_need_no_thousand_open_files(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    drafts = [files.Draft(tmp_path / str(number)) for number in range(1000)]
    for draft in drafts:
        draft.write(["x"])
    assert not before or len(list(Path("/proc/self/fd").iterdir())) < before + 10
    for draft in drafts:
        draft.discard()
    assert list(tmp_path.iterdir()) == []


def test_appending_nothing_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n")
    assert files.Draft(path).append() is False
    assert path.read_text() == "one\n"


def test_appending_nothing_makes_no_file(tmp_path: Path) -> None:
    draft = files.Draft(tmp_path / "kept.jsonl")
    draft.write([])
    assert draft.append() is False
    assert list(tmp_path.iterdir()) == []


def test_appending_in_a_dry_run_tells_and_writes_nothing(tmp_path: Path) -> None:
    draft = files.Draft(tmp_path / "log", dry_run=True)
    draft.write(["one\n"])
    assert draft.append() is True
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", [0, 5])
def test_a_full_disk_is_told_with_the_file_that_was_asked_for(tmp_path: Path, room: int) -> None:
    """The system names none, and the draft beside it would mean nothing to the operator."""
    path = tmp_path / "out"
    path.write_text("old\n")
    draft = Draft(path)
    with no_file_larger_than(room), pytest.raises(OSError, match="too large") as full:
        draft.write(["longer than that"])
    assert full.value.filename == str(path)
    draft.discard()
    assert (path.read_text(), names_in(tmp_path)) == ("old\n", ["out"])


def test_lines_that_a_full_disk_tore_off_are_cut_away_by_those_who_add_the_next(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text('{"a": 1}\n')
    draft = Draft(path)
    draft.write(['{"b": 2}\n', '{"c": 3}\n'])
    with no_file_larger_than(22), pytest.raises(OSError, match="too large") as full:
        draft.append()
    assert full.value.filename == str(path)
    draft.discard()
    draft.write(['{"b": 2}\n', '{"c": 3}\n'])
    assert draft.append() is True
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert (lines[0], lines[-1], {"b": 2} in lines) == ({"a": 1}, {"c": 3}, True)


def test_a_text_of_ours_that_others_can_change_reads_as_absent(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    files.replace_private(path, "ours")
    assert files.read_text(path) == "ours"
    path.chmod(0o620)
    assert files.read_text(path) is None


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_file_is_neither_followed_nor_waited_for_nor_replaced(tmp_path: Path, kind: str) -> None:
    path, elsewhere = tmp_path / "dest", tmp_path / "elsewhere"
    elsewhere.write_text("another's\n{torn")
    if kind == "link":
        path.symlink_to(elsewhere)
    else:
        os.mkfifo(path)
    with pytest.raises(UntrustedFile) as refused:
        files.replace_private(path, "new\n")
    assert refused.value.filename == str(path)
    with pytest.raises(UntrustedFile):
        Draft(path).write(["new\n"])
    assert names_in(tmp_path) == ["dest", "elsewhere"]
    assert elsewhere.read_text() == "another's\n{torn"


def test_a_link_that_appears_before_the_end_is_not_followed(tmp_path: Path) -> None:
    draft, elsewhere = Draft(tmp_path / "dest"), tmp_path / "elsewhere"
    draft.write(["new\n"])
    elsewhere.write_text("another's\n")
    (tmp_path / "dest").symlink_to(elsewhere)
    with pytest.raises(UntrustedFile, match="is a symbolic link"):
        draft.append()
    with pytest.raises(UntrustedFile, match="is a symbolic link"):
        draft.commit()
    draft.discard()
    assert elsewhere.read_text() == "another's\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_replaced_but_never_added_to(tmp_path: Path) -> None:
    path = tmp_path / "dest"
    path.write_text("theirs\n")
    path.chmod(0o666)
    os.chown(path, 4242, 4242)
    draft = Draft(path)
    draft.write(["ours\n"])
    with pytest.raises(UntrustedFile, match="belongs to user 4242"):
        draft.append()
    assert path.read_text() == "theirs\n"
    assert draft.commit() is True
    assert (path.read_text(), path.stat().st_uid, mode_of(path)) == ("ours\n", 0, 0o600)


@pytest.mark.parametrize("torn", ["", "{", '{"id": "x', "\0\0\0"])
def test_a_line_that_was_torn_off_here_is_cut_away(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "log"
    path.write_text(f'{{"a": 1}}\n{torn}')
    draft = Draft(path)
    draft.write(['{"b": 2}\n'])
    draft.append()
    assert path.read_text() == '{"a": 1}\n{"b": 2}\n'


def test_a_last_line_that_nobody_here_began_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("one\nthe only copy of a thought")
    draft = Draft(path)
    draft.write(['{"b": 2}\n'])
    with pytest.raises(UntrustedFile, match="ends with a line that is not JSON"):
        draft.append()
    draft.discard()
    assert path.read_text() == "one\nthe only copy of a thought"


def test_an_input_may_be_a_link_but_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "query").write_text("\ufeffDeviceInfo")
    (tmp_path / "query").symlink_to(tmp_path / "..data" / "query")
    assert files.given_text("query_file", tmp_path / "query") == "DeviceInfo"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OptionError, match=r"^query_file: .*/pipe cannot be read \(Not a regular file\)"):
        files.given_text("query_file", tmp_path / "pipe")


def test_a_folder_for_what_is_read_back_is_nobody_elses(tmp_path: Path) -> None:
    files.check_own_folder("checkpoint", tmp_path)
    tmp_path.chmod(0o777)
    with pytest.raises(OptionError) as refused:
        files.check_own_folder("checkpoint", tmp_path)
    assert str(refused.value) == (
        f"checkpoint: {tmp_path} is a folder that others can write to: take that right from them, "
        "or name a folder elsewhere"
    )
    files.check_folder("dest", tmp_path)
