# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files only their owner may read, replaced whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from . import drafts, locks, ownership
from .errors import OptionError, UntrustedFile, unusable_file

_BLOCK = 1 << 20


class Draft:
    """A 0600 file that takes shape beside `path` and replaces it on `commit`, if its content differs.

    With `dry_run` nothing is written and `commit` only tells whether it would have been.
    """

    def __init__(self, path: Path, dry_run: bool = False) -> None:
        self._path = path
        self._dry_run = dry_run
        self._digest = hashlib.blake2b()
        self._draft: Path | None = None

    def write(self, chunks: Iterable[str]) -> None:
        text = "".join(chunks).encode()
        self._digest.update(text)
        if not self._dry_run:
            with _naming(self._path), self._open() as stream:
                stream.write(text)

    def commit(self, durable: bool = True) -> bool:
        """Put the file in its place, synced to disk if `durable`, and tell whether that changed anything."""
        ownership.check_replaceable(self._path)
        if self._digest.digest() == _digest(self._path):
            self.discard()
            return False
        if not self._draft:
            self.write([])
        if self._draft:
            if durable:
                with _naming(self._path), self._open() as stream:
                    os.fsync(stream.fileno())
            drafts.move(self._draft, self._path)
            self._draft = None
        return True

    @property
    def has_lines(self) -> bool:
        """Whether anything has been written to the draft."""
        return self._digest.digest() != hashlib.blake2b().digest()

    def append(self) -> bool:
        """Add the lines to the end of the file, synced to disk, and tell whether there were any; without any it stays.

        JSON that a kill has torn off in mid-line is cut away first: its writer will hand it out again.
        """
        if self._draft and self.has_lines:
            with (
                _naming(self._path),
                _stream(self._draft, os.O_RDONLY) as source,
                # its content need not be trusted: only the end of the last line is looked at
                _stream(self._path, os.O_RDWR | os.O_CREAT) as target,
            ):
                os.fchmod(target.fileno(), 0o600)
                # a run that overlaps with this one must not take our half-written line for a torn one
                locks.wait_for(target, self._path)
                _end_the_last_line(target, self._path)
                shutil.copyfileobj(source, target, _BLOCK)
                target.flush()
                os.fsync(target.fileno())
        self.discard()
        return self.has_lines

    def discard(self) -> None:
        """Remove what was not committed. Safe to call at any time."""
        if self._draft:
            drafts.remove(self._draft)
            self._draft = None

    def _open(self) -> BinaryIO:
        """Open the draft to add to it, each time anew: a thousand of them may be waiting at the same time."""
        if self._draft:
            return _stream(self._draft, os.O_WRONLY | os.O_APPEND)
        ownership.check_replaceable(self._path)
        descriptor, self._draft = drafts.create(self._path)
        return open(descriptor, "ab")  # noqa: PTH123 - it is a number


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have errors name the file that was asked for: those of a full disk name none."""
    try:
        yield
    except UntrustedFile:
        raise
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


def read_text(path: Path, denied: int = ownership.WRITE) -> str | None:
    """Return the text of a file that we keep, or None where there is none, or it is not ours, or no text.

    `denied` are the permissions that others must not have.
    """
    try:
        return ownership.read(path, denied).decode()
    except (OSError, UnicodeDecodeError):
        return None


def lines_behind(path: Path, position: int) -> Iterator[bytes]:
    """Yield the lines of a file of ours that begin at the position (bytes) or behind it; none where it is not ours."""
    try:
        with _stream(path, os.O_RDONLY) as stream:
            stream.seek(position)
            yield from stream
    except OSError:
        return


def check_own(option: str, path: Path, denied: int = ownership.WRITE) -> None:
    """Raise OptionError unless the file is a regular one of this user, without the permissions `denied` for others."""
    try:
        os.close(ownership.opened(path, denied=denied))
    except OSError as error:
        raise OptionError(f"{option}: {unusable_file(error)}") from None


def given_bytes(path: Path) -> bytes:
    """Return what a file of the operator's holds. It may be anybody's, and a link, but must not keep us waiting.

    Raises OSError for a file that cannot be read, such as a pipe.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        return stream.read()


def given_to(option: str, path: Path) -> bytes:
    """Return what the file of an option holds. Raises OptionError for one that cannot be read."""
    try:
        return given_bytes(path)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OptionError(f"{option}: {path} cannot be read ({why}): check its path and mode") from None


def given_text(option: str, path: Path) -> str:
    """Return the text of a file byte for byte, without the mark that some editors put in front of UTF-8.

    Raises OptionError for a file that cannot be read or is not UTF-8.
    """
    try:
        return given_to(option, path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1} of it is none"
        raise OptionError(f"{option}: {path} is not UTF-8 ({place}): save it as UTF-8") from None


def check_folder(option: str, folder: Path) -> None:
    """Raise OptionError unless the folder exists and files can be put into it."""
    if not folder.is_dir():
        if folder.exists():
            raise OptionError(f"{option}: {folder} is not a folder: name a folder")
        if folder.is_symlink():
            raise OptionError(f"{option}: {folder} is a symbolic link to a folder that does not exist: create it first")
        raise OptionError(f"{option}: the folder {folder} does not exist: create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OptionError(f"{option}: the folder {folder} cannot be written to: change its owner or mode")


def check_own_folder(option: str, folder: Path) -> None:
    """Do the same for a folder whose files are read back, or hold a secret: nobody else may put any there."""
    check_folder(option, folder)
    try:
        ownership.check_folder(folder)
    except UntrustedFile as error:
        raise OptionError(f"{option}: {unusable_file(error)}") from None


def make_folder(folder: Path) -> None:
    """Make the folder and those above it that are missing, for this user alone. Raises OSError."""
    for each in (*reversed(folder.parents), folder):
        if not os.path.lexists(each):
            each.mkdir(mode=0o700, exist_ok=True)


def private_folder(option: str, folder: Path) -> Path:
    """Return the folder, created 0700 where it is missing. Raises OptionError where it is not this user's alone."""
    if not os.path.lexists(folder):
        check_folder(option, folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    check_own_folder(option, folder)
    if folder.stat().st_mode & ownership.ANY:
        raise OptionError(f"{option}: others can read the folder {folder}: set its mode to 0700")
    return folder


def _stream(path: Path, flags: int, denied: int = 0) -> BinaryIO:
    """Open a file of this user."""
    mode = {os.O_RDONLY: "rb", os.O_RDWR: "rb+"}.get(flags & os.O_ACCMODE, "ab")
    return cast(BinaryIO, open(ownership.opened(path, flags, denied), mode))  # noqa: PTH123 - it is a number


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


def _end_the_last_line(stream: BinaryIO, path: Path) -> None:
    """Leave the stream behind a line feed: one is added to a whole line of JSON, a torn one is cut away.

    Raises UntrustedFile for a last line that nobody here began, and then leaves it alone.
    """
    start = _end_of_last_line(stream)
    stream.seek(start)
    tail = stream.read()
    try:
        json.loads(tail)
        stream.write(b"\n")
    except ValueError:
        # after a power cut, zeros may stand where a line was to be
        if tail.strip(b"\0") and not tail.startswith(b"{"):
            raise UntrustedFile(path, "ends with a line that is not JSON", "name another file") from None
        stream.truncate(start)
    stream.seek(0, os.SEEK_END)


def _digest(path: Path) -> bytes | None:
    """Return the digest of a file that only we can read, None for any other."""
    digest = hashlib.blake2b()
    try:
        with _stream(path, os.O_RDONLY, ownership.ANY) as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError:
        return None
    return digest.digest()
