# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers all that a run leaves or shows, while it runs and afterwards, and searches it for secrets."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_JWT = re.compile(rb"eyJ[\w-]{8,}\.(eyJ[\w-]{8,})\.[\w-]{8,}")
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class Blob:
    """Something that was written or shown: what kind of place, which one, and its content."""

    kind: str
    place: str
    content: bytes


class Watch:
    """Looks on while a run goes on: at the arguments of all processes, and at the files of the run's directory."""

    def __init__(self, run_directories: Path) -> None:
        self._run_directories = run_directories
        self._blobs: dict[Blob, None] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on)
        self.modes: dict[str, int] = {}

    @property
    def blobs(self) -> list[Blob]:
        return list(self._blobs)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                self._keep("process arguments", path, "a process")
            for folder, _unused, names in os.walk(
                self._run_directories
            ):  # unlike rglob it bears with folders that vanish
                for name in names:
                    self._keep("run directory", Path(folder, name), str(Path(folder, name)))

    def _keep(self, kind: str, path: Path, place: str) -> None:
        try:
            content = path.read_bytes()
            mode = path.stat().st_mode
        except OSError:  # gone already
            return
        if content:
            self._blobs[Blob(kind, place, content)] = None
            self.modes[place] = mode & 0o777


def gather(kind: str, folder: Path, its_places: Iterable[Path] = ()) -> list[Blob]:
    """Return the files of a folder, but not those where a secret is at home."""
    at_home = set(its_places)
    files = [path for path in folder.rglob("*") if path.is_file() and not at_home & {path, *path.parents}]
    return [Blob(kind, str(path), path.read_bytes()) for path in files]


def count_places(blobs: Iterable[Blob]) -> Counter[str]:
    """Return how many places of each kind there are."""
    return Counter(blob.kind for blob in blobs)


def find(blobs: Iterable[Blob], secrets: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return kind, place and name of each secret found: as it is, as a URL or JSON or base64 writes it; and of each
    token, known by its claims."""
    forms = {name: _forms(secret) for name, secret in secrets.items()}
    found = []
    for blob in blobs:
        names = [name for name, spellings in forms.items() if any(spelling in blob.content for spelling in spellings)]
        names += ["a token"] * any(_is_token(match[1]) for match in _JWT.finditer(blob.content))
        found += [(blob.kind, blob.place, name) for name in names]
    return found


def _forms(secret: str) -> set[bytes]:
    # base64 of a text that has other text around it: each of three shifts, without the ends that the rest changes
    shifted = (base64.b64encode(b"\0" * shift + secret.encode())[4:-4] for shift in range(3))
    plain = {secret, urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1]}
    return {text.encode() for text in plain} | set(shifted)


def _is_token(payload: bytes) -> bool:
    """Tell access tokens and client assertions from a consent link's signed state, which is public."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    except ValueError:
        return False
    return "aud" in claims
