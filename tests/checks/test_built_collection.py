# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball that users get: nothing in it that they do not need, or that was left behind, and it works installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

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
AT_THE_TOP = {
    *("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "COPYING", "LICENSES", "README.md", "REUSE.toml"),
    *("SECURITY.md", "bindep.txt", "changelogs", "docs", "extensions", "meta", "playbooks", "plugins"),
    *("requirements.txt", "roles", "tests"),
}
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
IN_FOLDERS = {
    "": AT_THE_TOP,
    "extensions/eda/rulebooks/": {"extensions/eda/rulebooks/incidents.yml"},
    "playbooks/": {name for name in TRACKED if name.startswith("playbooks/")},
    "tests/": {"tests/config.yml"},
}
"""Folders in which people work, and all that goes along of each."""
LEFT_BEHIND = """
    incidents/contoso.jsonl incidents/checkpoints/graph/contoso.checkpoint consent-links/consent_links.md
    consent-links/consent_links.csv credential.yml application.pem .vault_pass vault_password vault.yml vars.yml
    customers.yml customers.csv soc.customers.yml inventory.yml inventory/hosts.yml hosts hosts.ini hunt.csv hunt.jsonl
    group_vars/all.yml host_vars/contoso.yml ansible.cfg ansible.log cache/0a1b.token tokens/contoso.token secret.txt
    doc/x.yml docs2/x.yml doc docsx test/x.yml test.yml role.yml role/x.yml plugin.yml plugin.py playbook.yml change.yml
    readme.md README.md.bak README READMEx.md requirements.yml requirements.txt.orig galaxy2.yml state_key app.pfx ü.yml
    playbooks/incidents/contoso.jsonl playbooks/credential.yml playbooks/customers.yml playbooks/group_vars/all.yml
    playbooks/inventory playbooks/incidents.yml.bak playbooks/incident.yml playbooks/hunt.csv playbooks/.vault
    roles/partner_access/files/app.pem docs/examples/application.key docs/examples/awx/credential.yml
    roles/partner_access/incidents/contoso.jsonl plugins/modules/group_vars/all.yml docs/vault_pass.txt
    roles/emulator/run.log tests/contoso.jsonl tests/leftover.yml meta/app.pem extensions/eda/incidents/contoso.jsonl
    extensions/eda/rulebooks/variables.yml docs/examples/awx/hunt.jsonl docs/contoso.token meta/contoso.checkpoint
""".split()  # noqa: SIM905 - a list of this length is easier to read so
"""What operators and tests leave in a checkout: at the top, where playbooks are run, and beside what they name."""
HIDDEN_OR_CACHE = re.compile(r"(?:^|/)(?:\.|__pycache__|[^/]+\.pyc$)")


def everything_but(names: set[str], begun: str = "") -> Iterator[str]:
    """Yield patterns that match every path in a folder but these; a pattern cannot say "not" of more than a letter."""
    following = "".join(sorted({name[len(begun)] for name in names if name.startswith(begun) and name != begun}))
    if begun in names:
        yield f"{begun}[!/{following}]*"
    else:
        if begun and not begun.endswith("/"):
            yield begun
        yield f"{begun}[!{following}]*"
    for letter in following:
        yield from everything_but(names, begun + letter)


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


def test_nothing_that_was_left_in_a_checkout_goes_along(tarball: Path, tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    for name in TRACKED:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    for name in LEFT_BEHIND:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        if not (copy / name).is_dir():
            # one of them configures ansible-galaxy
            (copy / name).write_text("[defaults]\n# secret\n")
    subprocess.run(["ansible-galaxy", "collection", "build", "--output-path", tmp_path], cwd=copy, check=True)
    (built,) = tmp_path.glob("mssp-defender-*.tar.gz")
    assert _files(built) == _files(tarball)


def test_of_the_folders_in_which_people_work_only_what_is_named_goes_along() -> None:
    ignored = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    wanted = [pattern for folder, names in IN_FOLDERS.items() for pattern in everything_but(names, folder)]
    assert ignored[: len(wanted)] == wanted, f"let build_ignore begin with {json.dumps(wanted)}"


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
