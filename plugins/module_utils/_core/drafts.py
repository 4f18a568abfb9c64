# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where files take shape: under hidden names beside those they are for, which say whose they are.

A process holds a locked file in each folder while it has drafts there. When it is killed the lock ends with it, and the
next one that writes in the folder clears the drafts. A lock is known across containers, which a process id is not, and
one for all drafts of a folder needs no open file for each.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import tempfile
import threading
from pathlib import Path

from . import locks

_LOCK = ".mssp.defender.{}.lock"
_OURS = re.compile(r"\.mssp\.defender\.([0-9a-f]{16})\.lock|\..+\.([0-9a-f]{16})\.draft", re.DOTALL)


class _Holder:
    """This process in one folder: its name in those of its drafts, how many they are, and its lock."""

    def __init__(self, folder: Path) -> None:
        self.count = 0
        descriptor = None
        while descriptor is None:
            # who clears the folder may have found the file before it was locked
            self.name = secrets.token_hex(8)
            self._path = folder / _LOCK.format(self.name)
            descriptor = locks.taken(self._path)
        self._descriptor = descriptor

    def release(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


_guard = threading.Lock()
_holders: dict[Path, _Holder] = {}
_cleared: set[Path] = set()


def create(path: Path) -> tuple[int, Path]:
    """Make an empty 0600 draft beside `path`, and return its descriptor and where it is. Raises OSError."""
    folder = path.parent
    with _guard:
        holder = _holders.get(folder) or _Holder(folder)
        if folder not in _cleared:
            _cleared.add(folder)
            # what cannot be cleared is in nobody's way
            with contextlib.suppress(OSError):
                clear(folder)
        try:
            descriptor, name = tempfile.mkstemp(f".{holder.name}.draft", f".{path.name}.", folder)
        except BaseException:
            if not holder.count:
                holder.release()
            raise
        holder.count += 1
        _holders[folder] = holder
    return descriptor, Path(name)


def move(draft: Path, path: Path) -> None:
    """Put a draft in its place. Raises OSError, and then it is still one."""
    draft.replace(path)
    _let_go(draft)


def remove(draft: Path) -> None:
    """Remove a draft."""
    draft.unlink(missing_ok=True)
    _let_go(draft)


def clear(folder: Path) -> None:
    """Remove the drafts in the folder whose processes have ended. Raises OSError for a folder that cannot be read."""
    found: dict[str, list[Path]] = {}
    for path in folder.iterdir():
        if match := _OURS.fullmatch(path.name):
            found.setdefault(match[1] or match[2], []).append(path)
    for name, paths in found.items():
        lock = folder / _LOCK.format(name)
        # a lock of another user is none of ours, nor are the drafts of that name
        with contextlib.suppress(OSError):
            descriptor = locks.taken(lock)
            if descriptor is None:
                continue
            try:
                for path in paths:
                    if path != lock and _is_own_file(path):
                        path.unlink()
                lock.unlink(missing_ok=True)
            finally:
                os.close(descriptor)


def _let_go(draft: Path) -> None:
    with _guard:
        holder = _holders[draft.parent]
        holder.count -= 1
        if not holder.count:
            del _holders[draft.parent]
            holder.release()


def _is_own_file(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
