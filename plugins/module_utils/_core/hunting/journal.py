# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A 0600 file that only grows, by one JSON value a line, and belongs to one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from .. import ownership


class Journal:
    """What is written on each line is in `lines`; a last line that a kill has torn off is not.

    It is cut away by the first `append`, for only who reads the lines can tell that the file is a journal of theirs.
    `is_new` tells whether nothing at all was there. With `read_only` nothing is written, made or locked.
    Raises BlockingIOError where another process has it, UntrustedFile for a file that is not this user's own, and
    ValueError for one that is no journal.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self._path = path
        self._file = None if read_only else _locked(path)
        try:
            text = _content(path)
            self._length = text.rfind(b"\n") + 1
            self.is_new = not text
            self.lines: list[Any] = [json.loads(line) for line in text[: self._length].splitlines()]
        except BaseException:
            if self._file:
                self._file.close()
            raise

    def append(self, value: Any) -> None:
        """Add a line. Where that fails the file is as it was before."""
        data = json.dumps(value).encode() + b"\n"
        if self._file:
            self._file.truncate(self._length)
            write_at(self._file, self._length, data)
        self._length += len(data)
        self.lines.append(value)

    def clear(self) -> None:
        """Begin again with no line."""
        if self._file:
            self._file.truncate(0)
        self._length = 0
        self.lines = []

    def close(self) -> None:
        """Let others have it. An empty one is not left behind. Safe to call again."""
        if self._file and not self._file.closed:
            if not os.fstat(self._file.fileno()).st_size:
                self._path.unlink()
            self._file.close()


def _content(path: Path) -> bytes:
    try:
        return ownership.read(path)
    except FileNotFoundError:
        return b""


def write_at(file: BinaryIO, position: int, data: bytes) -> None:
    """Write at the end of the file, which is at `position`, and sync. Where that fails the file ends there again."""
    descriptor, rest, end = file.fileno(), memoryview(data), position
    try:
        while rest:
            written = os.pwrite(descriptor, rest, end)
            rest, end = rest[written:], end + written
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, position)
        raise


def _locked(path: Path) -> BinaryIO:
    descriptor = ownership.opened(path, os.O_RDWR | os.O_CREAT)
    file = open(descriptor, "rb+", buffering=0)  # noqa: PTH123, SIM115 - it is a number, and stays open
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file
