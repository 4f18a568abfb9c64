# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""azure.azcollection as it is published, in a scratch folder, with a virtual environment of all that it requires."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

# It comes inside the package `ansible`, of which nothing else is needed.
_PACKAGE = "ansible==11.13.0"
_FOLDER = Path("ansible_collections/azure/azcollection")


@dataclass(frozen=True)
class Peer:
    """Where it lies, and the interpreter for its modules."""

    place: Path

    @property
    def collection(self) -> Path:
        return self.place / _FOLDER

    @property
    def python(self) -> Path:
        return self.place / "venv/bin/python"

    @property
    def megabytes(self) -> int:
        """What its requirements take on disk."""
        files = (self.place / "venv").rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink()) // 1_000_000


def prepare(place: Path) -> Peer:
    """Install it, unless it lies there already. CalledProcessError when pip cannot."""
    peer, complete = Peer(place), place / "complete"
    if complete.exists():
        return peer
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    print(f"Installing azure.azcollection and its requirements into {place} (once; 1.5 GB)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
    pip = [str(peer.python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "download", "--no-deps", "--dest", str(place), _PACKAGE], check=True)
    wheel = next(place.glob("ansible-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place, [name for name in archive.namelist() if name.startswith(f"{_FOLDER}/")])
    wheel.unlink()
    started = time.monotonic()
    subprocess.run([*pip, "install", "--requirement", str(peer.collection / "requirements.txt")], check=True)
    complete.touch()
    print(f"Installed in {time.monotonic() - started:.0f} s", flush=True)
    return peer
