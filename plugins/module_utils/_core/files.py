# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files only their owner may read, replaced whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import OptionError

_BLOCK = 1 << 20
_OTHERS_PAUSE = 0.2


class Draft:
    """A 0600 file that takes shape beside `path` and replaces it on `commit`, if its content differs.

    With `dry_run` nothing is written and `commit` only tells whether it would have been.
    """

    def __init__(self, path: Path, dry_run: bool = False) -> None:
        self._path = path
        self._dry_run = dry_run
        self._digest = hashlib.sha256()
        self._draft: Path | None = None

    def write(self, chunks: Iterable[str]) -> None:
        text = "".join(chunks).encode()
        self._digest.update(text)
        if not self._dry_run:
            with _naming(self._path), self._open() as stream:
                stream.write(text)

    def commit(self, durable: bool = True) -> bool:
        """Put the file in its place, synced to disk if `durable`, and tell whether that changed anything."""
        if self._digest.digest() == _digest(self._path) and not self._path.stat().st_mode & 0o077:
            self.discard()
            return False
        if not self._draft:
            self.write([])
        if self._draft:
            if durable:
                with _naming(self._path), self._open() as stream:
                    os.fsync(stream.fileno())
            self._draft.replace(self._path)
            self._draft = None
        return True

    def append(self) -> bool:
        """Add the lines to the end of the file, synced to disk, and tell whether there were any; without any it stays.

        JSON that a kill has torn off in mid-line is cut away first: whoever wrote it will hand it out again.
        """
        has_lines = self._digest.digest() != hashlib.sha256().digest()
        if self._draft and has_lines:
            with _naming(self._path), self._draft.open("rb") as source:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
                os.fchmod(descriptor, 0o600)
                with open(descriptor, "rb+") as target:  # noqa: PTH123 - it is a number
                    # a run that overlaps with this one must not take our half-written line for a torn one
                    fcntl.flock(target, fcntl.LOCK_EX)
                    _end_the_last_line(target)
                    shutil.copyfileobj(source, target, _BLOCK)
                    target.flush()
                    os.fsync(target.fileno())
        self.discard()
        return has_lines

    def discard(self) -> None:
        """Remove what was not committed. Safe to call at any time."""
        if self._draft:
            self._draft.unlink()
            self._draft = None

    def _open(self) -> BinaryIO:
        """Open the draft to add to it, each time anew: a thousand of them may be waiting at the same time."""
        if self._draft:
            return self._draft.open("ab")
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        self._draft = Path(name)
        return open(descriptor, "ab")  # noqa: PTH123 - it is a number


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have errors name the file that was asked for: those of a full disk name none."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def replace_private(path: Path, text: str, durable: bool = True, dry_run: bool = False) -> bool:
    """Put a 0600 file with this text at `path`, and tell whether that changed anything."""
    draft = Draft(path, dry_run)
    try:
        draft.write([text])
        return draft.commit(durable)
    finally:
        draft.discard()


def read_text(path: Path) -> str | None:
    """Return the file's text, or None where there is no such file or its text cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def given_text(option: str, path: Path) -> str:
    """Return the text of a file byte for byte, without the mark that some editors put in front of UTF-8.

    Raises OptionError for a file that cannot be read or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise OptionError(f"{option}: {path} cannot be read ({error.strerror}): check its path and mode") from None
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1} of it is none"
        raise OptionError(f"{option}: {path} is not UTF-8 ({place}): save it as UTF-8") from None


def check_folder(option: str, folder: Path) -> None:
    """Raise OptionError unless the folder exists and files can be put into it."""
    if not folder.is_dir():
        raise OptionError(f"{option}: the folder {folder} does not exist: create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OptionError(f"{option}: the folder {folder} cannot be written to: change its owner or mode")


def private_folder(option: str, folder: Path) -> Path:
    """Return the folder, created 0700 where it is missing. Raises OptionError where others could read it."""
    if not folder.exists():
        check_folder(option, folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    check_folder(option, folder)
    if folder.stat().st_mode & 0o077:
        raise OptionError(f"{option}: others can read the folder {folder}: set its mode to 0700")
    return folder


@contextlib.contextmanager
def locked(option: str, folder: Path, patience: float) -> Iterator[None]:
    """Keep other runs of ours away from a folder's files, after waiting at most `patience` seconds for them to end.

    Raises OptionError when they do not.
    """
    # on the folder, because the files are replaced, and a file for the lock alone would stay behind
    descriptor = os.open(folder, os.O_RDONLY)
    deadline = time.monotonic() + patience
    try:
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise OptionError(f"{option}: another run is changing files in {folder} all the time: run again later")
            time.sleep(_OTHERS_PAUSE)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_of_last_line(stream: BinaryIO) -> int:
    """Return the position behind the last line feed of the file, 0 where there is none."""
    position = stream.seek(0, os.SEEK_END)
    while position:
        start = max(0, position - _BLOCK)
        stream.seek(start)
        found = stream.read(position - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def _end_the_last_line(stream: BinaryIO) -> None:
    """Leave the stream behind a line feed: one is added to a whole line of JSON, a torn one is cut away."""
    start = _end_of_last_line(stream)
    stream.seek(start)
    tail = stream.read()
    try:
        json.loads(tail)
        stream.write(b"\n")
    except ValueError:
        stream.truncate(start)
    stream.seek(0, os.SEEK_END)


def _digest(path: Path) -> bytes | None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError:
        return None
    return digest.digest()
