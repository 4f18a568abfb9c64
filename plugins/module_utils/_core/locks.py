# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that keep runs of ours apart, and that nobody else can hold.

A user who can open a file can lock it, and never let go. So only 0600 files of our own are locked, and never a folder.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from . import ownership, waiting
from .errors import OptionError

_NAME = ".mssp.defender.lock"
_PAUSE = 0.2
_LONGEST_WRITE = 60.0


@contextlib.contextmanager
def locked(option: str, folder: Path, patience: float) -> Iterator[None]:
    """Keep other runs of ours away from a folder's files, after waiting at most `patience` seconds for them to end.

    Raises OptionError when they do not, and UntrustedFile where the file for the lock is another's.
    """
    path = folder / _NAME
    descriptor = waiting.until(lambda: taken(path), patience, itertools.repeat(_PAUSE))
    if descriptor is None:
        raise OptionError(f"{option}: another run is changing files in {folder} all the time: run again later")
    try:
        yield
    finally:
        # while it is still held: a run that waits for it sees that it is gone, and makes another
        path.unlink(missing_ok=True)
        os.close(descriptor)


def wait_for(file: BinaryIO, path: Path) -> None:
    """Lock a file of ours, which others may have been able to open until now. Raises OSError where they keep it."""
    if not any(_try(file.fileno()) for _attempt in waiting.tries(_LONGEST_WRITE, itertools.repeat(_PAUSE))):
        raise OSError(errno.EBUSY, "another process keeps it locked", str(path))


def taken(path: Path) -> int | None:
    """Lock a file of ours, made where it is missing, and return its descriptor; it is unlocked when that is closed.

    None where another run has it or has just removed it. Raises OSError, UntrustedFile for a file of another user.
    """
    descriptor = ownership.opened(path, os.O_RDWR | os.O_CREAT)
    with contextlib.suppress(FileNotFoundError):
        if _try(descriptor) and os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    os.close(descriptor)
    return None


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
