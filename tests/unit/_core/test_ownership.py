# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import ownership
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import UntrustedFile, unusable_file

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def own(path: Path, mode: int = 0o600) -> Path:
    path.write_text("ours")
    path.chmod(mode)
    return path


def sentence(path: Path, denied: int = ownership.WRITE) -> str:
    with pytest.raises(UntrustedFile) as refused:
        ownership.read(path, denied)
    return unusable_file(refused.value)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o644])
def test_a_file_that_only_we_can_change_is_read(tmp_path: Path, mode: int) -> None:
    assert ownership.read(own(tmp_path / "kept", mode)) == b"ours"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o660])
def test_a_file_that_others_can_change_is_not_read(tmp_path: Path, mode: int) -> None:
    path = own(tmp_path / "kept", mode)
    assert sentence(path) == f"{path} is a file that others can write to: remove it, or set its mode to 0600"


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_secret_that_others_can_read_is_not_read(tmp_path: Path, mode: int) -> None:
    path = own(tmp_path / "kept", mode)
    assert sentence(path, ownership.ANY) == f"{path} is a file that others can read: remove it, or set its mode to 0600"


@as_root
def test_a_file_of_another_user_is_not_read(tmp_path: Path) -> None:
    path = own(tmp_path / "kept")
    os.chown(path, 4242, 4242)
    assert sentence(path).startswith(f"{path} belongs to user 4242, so its content is not trusted: remove it, make")
    assert sentence(path).endswith("its owner, or run as user 4242")


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "socket", "device"])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str, flags: int) -> None:
    path = tmp_path / "kept"
    if kind == "link":
        path.symlink_to(own(tmp_path / "elsewhere"))
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(path))
    else:
        path = Path("/dev/zero")
    with pytest.raises(UntrustedFile, match=r"is (a symbolic link|not a regular file)"):
        ownership.opened(path, flags)
    assert kind != "dangling link" or not (tmp_path / "elsewhere").exists()


def test_a_file_without_an_end_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "_MOST_BYTES", 3)
    assert "is larger than" in sentence(own(tmp_path / "kept"))


def test_a_missing_file_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ownership.read(tmp_path / "missing")


def test_a_new_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o000)
    try:
        os.close(ownership.opened(tmp_path / "new", os.O_RDWR | os.O_CREAT))
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o775, 0o1777])
def test_a_folder_that_nobody_else_can_change_is_ours(tmp_path: Path, mode: int) -> None:
    """A umask of 002 gives the group of its own that a user has the right to write."""
    tmp_path.chmod(mode)
    os.chown(tmp_path, -1, os.getegid())
    ownership.check_folder(tmp_path)


@as_root
@pytest.mark.parametrize(("mode", "gid"), [(0o777, 0), (0o775, 4242), (0o703, 0)])
def test_a_folder_that_others_can_change_is_not(tmp_path: Path, mode: int, gid: int) -> None:
    tmp_path.chmod(mode)
    os.chown(tmp_path, -1, gid)
    with pytest.raises(UntrustedFile, match="is a folder that others can write to"):
        ownership.check_folder(tmp_path)


@as_root
@pytest.mark.parametrize("mode", [0o700, 0o1777])
def test_a_folder_of_another_user_is_not_ours(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    os.chown(tmp_path, 4242, -1)
    with pytest.raises(UntrustedFile) as refused:
        ownership.check_folder(tmp_path)
    assert unusable_file(refused.value) == (
        f"{tmp_path} is a folder that belongs to user 4242: run as user 4242, or name a folder of this user (0)"
    )


@pytest.mark.parametrize("by_link", [False, True])
def test_a_folder_that_others_can_replace_is_not_ours(tmp_path: Path, by_link: bool) -> None:
    """Whoever can write to a folder above can rename the one below, and put another in its place."""
    (tmp_path / "shared" / "between" / "own").mkdir(parents=True, mode=0o700)
    folder = tmp_path / "shared" / "between" / "own"
    if by_link:
        (tmp_path / "second").symlink_to(folder)
        (tmp_path / "first").symlink_to("second")
        folder = tmp_path / "first"
    ownership.check_folder(folder)
    (tmp_path / "shared").chmod(0o1777)
    ownership.check_folder(folder)
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(UntrustedFile) as refused:
        ownership.check_folder(folder)
    assert unusable_file(refused.value) == (
        f"{tmp_path / 'shared'} is a folder that others can write to: take that right from them, "
        "or name a folder elsewhere"
    )


@as_root
@pytest.mark.parametrize("what", ["folder", "symbolic link"])
def test_nobody_else_may_own_what_leads_to_a_folder(tmp_path: Path, what: str) -> None:
    (tmp_path / "above" / "own").mkdir(parents=True, mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "above")
    anothers = tmp_path / ("above" if what == "folder" else "link")
    os.chown(anothers, 4242, -1, follow_symlinks=False)
    with pytest.raises(UntrustedFile, match=f"is a {what} that belongs to user 4242"):
        ownership.check_folder(tmp_path / "link" / "own")


@as_root
def test_a_file_system_may_know_us_by_another_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user makes on a network file system may belong to another number than the process runs under."""
    path = own(tmp_path / "kept")
    os.chown(path, 4242, -1)
    os.chown(tmp_path, 4242, -1)
    monkeypatch.setattr(ownership, "_uid_in", lambda _folder: 4242)
    assert ownership.read(path) == b"ours"
    ownership.check_folder(tmp_path)


def test_the_probe_of_a_file_system_leaves_nothing(tmp_path: Path) -> None:
    assert ownership._uid_in(tmp_path) == os.geteuid()
    assert list(tmp_path.iterdir()) == []
