# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball that users get: nothing in it that they do not need, and it works where it is installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = re.compile(
    r"""
    (?: MANIFEST\.json | FILES\.json | requirements\.txt | COPYING | REUSE\.toml | bindep\.txt
      | (?: README | CHANGELOG | CODE_OF_CONDUCT | CONTRIBUTING | SECURITY )\.md
      | LICENSES/[\w.-]+\.txt
      | changelogs/(?: changelog | config )\.yaml
      | docs/[\w./-]+
      | extensions/(?: audit | eda )/[\w./-]+
      | meta/(?: runtime | execution-environment | extensions )\.yml
      | playbooks/[\w./-]+
      | plugins/[\w./-]+\.(?: py | yml )
      | roles/[\w./-]+
      | tests/config\.yml
    )
    """,
    re.VERBOSE,
)
HIDDEN_OR_CACHE = re.compile(r"(?:^|/)(?:\.|__pycache__|[^/]+\.pyc$)")


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("build")
    subprocess.run(["ansible-galaxy", "collection", "build", "--output-path", place], cwd=ROOT, check=True)
    (built,) = place.glob("mssp-defender-*.tar.gz")
    return built


def _files(tarball: Path) -> list[str]:
    with tarfile.open(tarball) as archive:
        return sorted(member.name for member in archive if not member.isdir())


def test_every_member_is_on_the_allow_list(tarball: Path) -> None:
    strangers = [name for name in _files(tarball) if not ALLOWED.fullmatch(name) or HIDDEN_OR_CACHE.search(name)]
    assert strangers == []


@pytest.mark.parametrize("name", ["README.md", "COPYING", "meta/runtime.yml", "requirements.txt", "tests/config.yml"])
def test_what_automation_hub_reads_is_there(tarball: Path, name: str) -> None:
    assert name in _files(tarball)


@pytest.mark.parametrize(("kind", "folder"), [("module", "modules"), ("inventory", "inventory")])
def test_every_plugin_is_documented_where_it_is_installed(
    tarball: Path, tmp_path: Path, kind: str, folder: str
) -> None:
    environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
    install = ["ansible-galaxy", "collection", "install", tarball, "--offline", "--collections-path", tmp_path]
    subprocess.run(install, env=environment, check=True)
    listing = subprocess.run(
        ["ansible-doc", "--list", "--json", "--type", kind, "mssp.defender"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    plugins = {f"mssp.defender.{path.stem}" for path in (ROOT / "plugins" / folder).glob("*.py")}
    assert plugins
    assert set(json.loads(listing.stdout)) == plugins
