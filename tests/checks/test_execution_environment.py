# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an execution environment is built of, by the real ansible-builder. The image itself needs a container engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("ansible_builder", reason="not installed: ansible-builder, which needs Python 3.11")

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "execution-environment.yml"
BUILDER = [sys.executable, "-m", "ansible_builder"]


def test_nothing_but_our_requirements_goes_in(tmp_path: Path) -> None:
    """Of the collection as it is installed, for what is not in the tarball is not found."""
    collections = tmp_path / "collections"
    environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(collections)}
    galaxy = ["ansible-galaxy", "collection"]
    subprocess.run([*galaxy, "build", "--output-path", tmp_path], cwd=ROOT, check=True)
    (tarball,) = tmp_path.glob("*.tar.gz")
    subprocess.run([*galaxy, "install", tarball, "--offline", "-p", collections], env=environment, check=True)

    run = subprocess.run([*BUILDER, "introspect", collections], capture_output=True, text=True, check=True)
    found = yaml.safe_load(run.stdout)
    declared = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert declared
    assert found == {"python": [f"{line}  # from collection mssp.defender" for line in declared], "system": []}
    assert run.stderr == ""


def test_the_example_bakes_the_collection_in(tmp_path: Path) -> None:
    create = [*BUILDER, "create", "--file", EXAMPLE, "--context", tmp_path, "--output-filename", "Containerfile"]
    run = subprocess.run(create, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert yaml.safe_load((tmp_path / "_build" / "requirements.yml").read_text()) == {
        "collections": [{"name": "mssp.defender"}]
    }
    steps = (tmp_path / "Containerfile").read_text().splitlines()
    assert any("collection install" in step and '"/usr/share/ansible/collections"' in step for step in steps)
    # what AWX starts a job with
    assert 'ARG ANSIBLE_INSTALL_REFS="ansible-core>=2.16 ansible-runner>=2.4"' in steps
