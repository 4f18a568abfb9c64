# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The oldest, a middle and the newest supported ansible-core, each on a Python that the machine has for it.

The one that runs these tests is left out: `make unit` and `make integration` have tested it already.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.release import __version__

ROOT = Path(__file__).resolve().parents[2]
CORES = {
    "2.16": ("3.10", "3.11", "3.12"),
    "2.19": ("3.12", "3.13", "3.11"),
    "2.21": ("3.14", "3.13", "3.12"),
}
"""ansible-core to the Pythons its controller supports, in the order that spreads the versions tested.

Source: docs.ansible.com, reference_appendices/release_and_maintenance, the support matrix.
"""


def _candidates(version: str) -> Iterator[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        yield Path(sys.executable)


def _runs(python: Path) -> bool:
    """A version manager's shim is found on the path, and still runs nothing."""
    return subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0


def _find_python(versions: tuple[str, ...]) -> Path | None:
    return next((python for version in versions for python in _candidates(version) if _runs(python)), None)


def _requirements(path: str, oldest: bool = False) -> list[str]:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    return [line.replace(">=", "==") for line in wanted] if oldest else wanted


def _environment(core: str, python: Path) -> Path:
    """The virtual environment of one core, made anew when a requirement changed since.

    The oldest core gets the oldest libraries that requirements.txt admits, so that its lower bounds are true.
    """
    place = ROOT / ".cache" / "cores" / core
    packages = [
        *(
            f"ansible-core~={core}.0",
            "ansible-runner>=2.4",
            "hypothesis>=6.100",
            "jq>=1.8",
            "pytest>=8",
            "pytest-xdist>=3.6",
            "rich>=13",
        ),
        *_requirements("requirements.txt", oldest=core == next(iter(CORES))),
        *_requirements("roles/emulator/files/requirements.txt"),
    ]
    stamp = place / "made-for"
    wanted = "\n".join([str(python), *packages])
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        subprocess.run([python, "-m", "venv", "--clear", place], check=True)
        subprocess.run([place / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return place / "bin"


@pytest.mark.parametrize("core", [core for core in CORES if not __version__.startswith(f"{core}.")])
def test_units_and_integration_pass(core: str) -> None:
    python = _find_python(CORES[core])
    if python is None:
        pytest.skip(f"not on this machine: a Python {', '.join(CORES[core])} for ansible-core {core}")
    bin_directory = _environment(core, python)
    version = subprocess.run([bin_directory / "ansible", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith(f"ansible [core {core}.")

    run = subprocess.run(
        [
            bin_directory / "python",
            "-m",
            "pytest",
            "tests/unit",
            "tests/integration",
            # they take long, and meet nothing of the core that the other tests do not
            "--ignore=tests/unit/moving",
            "--ignore=tests/integration/test_awx.py",
            "--numprocesses=3",
            "--dist=loadfile",
            "-o",
            f"cache_dir=.cache/pytest-{core}",
        ],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    print(run.stdout)
    assert run.returncode == 0, f"the tests fail on ansible-core {core}, {python}"
