# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file or folder is this user's own: only then may what was kept there be believed.

A file is judged by what was opened, not by its name. A symbolic link is not followed, and a pipe is not waited for.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import UntrustedFile

WRITE = 0o022
"""The permissions of others that make a file's content no longer ours."""
ANY = 0o077
"""The permissions of others that make a secret in a file no longer ours alone."""

_MOST_BYTES = 64 << 20
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_NAME_ITSELF = "name a regular file"


def opened(path: Path, flags: int = os.O_RDONLY, denied: int = WRITE) -> int:
    """Return the descriptor of a regular file of this user, to which others have none of the permissions `denied`.

    Raises UntrustedFile for any other, and OSError where it cannot be opened. A new file gets the mode 0600.
    """
    try:
        descriptor = os.open(path, flags | _FLAGS, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UntrustedFile(path, "is a symbolic link", _NAME_ITSELF) from None
        if error.errno == errno.ENXIO:
            raise UntrustedFile(path, "is not a regular file", _NAME_ITSELF) from None
        raise
    try:
        _check(path, os.fstat(descriptor), denied)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read(path: Path, denied: int = WRITE) -> bytes:
    """Return what such a file holds. Raises what `opened` does, and UntrustedFile for one that is too large."""
    with open(opened(path, denied=denied), "rb") as stream:
        content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise UntrustedFile(path, f"is larger than {_MOST_BYTES >> 20} MiB", "remove it")
    return content


def check_replaceable(path: Path) -> None:
    """Raise UntrustedFile for what is there unless it is a regular file, of any owner: it will be ours then."""
    with contextlib.suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
            raise UntrustedFile(path, f"is {what}", _NAME_ITSELF)


def check_folder(folder: Path) -> None:
    """Raise UntrustedFile for a folder in which others could put a file in the place of ours, or which they could
    replace by another: this goes for every folder above it as well, and for every symbolic link on the way.

    A group that this user belongs to may write there. Its members can remove our files, but cannot make them.
    """
    for each in _way_to(folder):
        if each.is_symlink():
            _check_owner(each, each.lstat().st_uid, "a symbolic link", folder)
        status = each.stat()
        _check_owner(each, status.st_uid, "a folder", folder)
        groups = {os.getegid(), *os.getgroups()}
        writers = status.st_mode & (stat.S_IWOTH if status.st_gid in groups else WRITE)
        if writers and not status.st_mode & stat.S_ISVTX:
            remedy = "take that right from them, or name a folder elsewhere"
            raise UntrustedFile(each, "is a folder that others can write to", remedy)


def _way_to(folder: Path) -> Iterator[Path]:
    """Return the folder and all that lead to it, those behind symbolic links too."""
    folders, seen = [folder.absolute()], set()
    while folders:
        for each in ((path := folders.pop()), *path.parents):
            if each not in seen:
                seen.add(each)
                yield each
                if each.is_symlink():
                    folders.append(each.parent / each.readlink())


def _check_owner(path: Path, uid: int, what: str, folder: Path) -> None:
    if uid and not _is_own(uid, folder):
        remedy = f"run as user {uid}, or name a folder of this user ({os.geteuid()})"
        raise UntrustedFile(path, f"is {what} that belongs to user {uid}", remedy)


def _check(path: Path, status: os.stat_result, denied: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UntrustedFile(path, "is not a regular file", _NAME_ITSELF)
    if not _is_own(status.st_uid, path.parent):
        remedy = f"remove it, make this user ({os.geteuid()}) its owner, or run as user {status.st_uid}"
        raise UntrustedFile(path, f"belongs to user {status.st_uid}, so its content is not trusted", remedy)
    if status.st_mode & denied:
        what = "write to" if status.st_mode & denied & WRITE else "read"
        raise UntrustedFile(path, f"is a file that others can {what}", "remove it, or set its mode to 0600")


def _is_own(uid: int, folder: Path) -> bool:
    """Tell whether the owner is this user, whom a network file system may know by another number."""
    return uid == os.geteuid() or uid == _uid_in(folder)


def _uid_in(folder: Path) -> int:
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            return os.fstat(probe.fileno()).st_uid
    except OSError:
        return os.geteuid()
