# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The oldest and the newest supported ansible-core, each on a Python that the machine has for it.

Of each the first patch release is taken, because that is what requires_ansible lets in. Tried there is what meets
ansible-core: the units of what runs in it, and the integration tests that run it. The oldest one comes with the oldest
libraries that requirements.txt admits, and so it runs whatever meets those too: the units of tokens, certificates and
connections, and all integration tests. Everything else is the same Python on every core, and `make check` runs it on
the core of its own environment alone: so it does with the slow tests, and ansible-rulebook, which brings its own
requirements, is among those.

What a core does with a secret in a result changed within 2.16 and 2.17, so that is tried on the first release of every
core, and on those with which it changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = {
    "2.16": ("3.10", "3.11", "3.12"),
    "2.17": ("3.10", "3.11", "3.12"),
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.12", "3.13", "3.11"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.14", "3.13", "3.12"),
}
"""Each ansible-core to the Pythons its controller supports, in the order that spreads the versions tested.

Source: docs.ansible.com, reference_appendices/release_and_maintenance, the support matrix.
"""
OLDEST, NEWEST = (f"{core}.0" for core in (min(PYTHONS), max(PYTHONS)))
MEET_ANSIBLE = [
    "tests/unit/filter",
    "tests/unit/plugin_utils",
    "tests/unit/test_front_door.py",
    "tests/unit/_operations/test_options.py",
    "tests/integration",
]
MEET_LIBRARIES = ["tests/unit/_core/identity", "tests/unit/_core/registration", "tests/unit/_core/wire"]
EXPOSING = ["2.16.13", "2.17.0", "2.17.6", "2.18.0", "2.19.0", "2.20.0"]
EXPOSING_TESTS = (
    "tests/unit/plugin_utils/test_action.py",
    *(f"tests/integration/test_{what}_exposed.py" for what in ("token", "credential")),
)


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


def _find_python(core: str) -> Path | None:
    versions = PYTHONS[core.rpartition(".")[0]]
    return next((python for version in versions for python in _candidates(version) if _runs(python)), None)


def _requirements(path: str, oldest: bool = False) -> list[str]:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    return [line.replace(">=", "==") for line in wanted] if oldest else wanted


def _environment(core: str, python: Path) -> Path:
    """The virtual environment of one release of core, made anew when a requirement changed since.

    The oldest core gets the oldest libraries that requirements.txt admits, so that its lower bounds are true.
    """
    place = ROOT / ".cache" / "cores" / core
    packages = [
        *(
            f"ansible-core=={core}",
            "ansible-runner>=2.4",
            "hypothesis>=6.100",
            "jq>=1.8",
            "pytest>=8",
            "pytest-xdist>=3.6",
            "rich>=13",
        ),
        *_requirements("requirements.txt", oldest=core == OLDEST),
        *_requirements("roles/emulator/files/requirements.txt"),
    ]
    stamp = place / "made-for"
    wanted = "\n".join([str(python), *packages])
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        subprocess.run([python, "-m", "venv", "--clear", place], check=True)
        subprocess.run([place / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return place / "bin"


def _test_on(core: str, *arguments: str) -> None:
    python = _find_python(core)
    if python is None:
        pytest.skip(f"not on this machine: a Python for ansible-core {core}")
    bin_directory = _environment(core, python)
    version = subprocess.run([bin_directory / "ansible", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith(f"ansible [core {core}]")

    run = subprocess.run(
        [
            bin_directory / "python",
            "-m",
            "pytest",
            *arguments,
            "--numprocesses=3",
            "--dist=loadscope",
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


def test_the_oldest_release_that_is_tested_is_the_oldest_that_is_allowed() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">={next(iter(PYTHONS))}.0"


def test_all_that_meets_ansible_or_a_library_passes_with_the_oldest_of_them() -> None:
    _test_on(OLDEST, *MEET_ANSIBLE, *MEET_LIBRARIES, "-m", "not slow")


def test_all_that_meets_ansible_passes_with_the_newest() -> None:
    _test_on(NEWEST, *MEET_ANSIBLE, "-m", "not slow and not in_process")


@pytest.mark.parametrize("core", EXPOSING)
def test_a_secret_that_is_exposed_is_not_printed(core: str) -> None:
    _test_on(core, *EXPOSING_TESTS)
