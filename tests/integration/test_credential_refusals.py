# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that could not keep the secret is refused before there is one, because it is shown only once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import HomeTenant
from support.operations import Tasks
from support.vaults import VAULT_PASSWORD, CredentialFile, vault

NAME = "northwind-soc"
OF_TASK: dict[str, Any] = {"unique_name": NAME, "kind": "secret", "name": "ansible"}

Writes = Callable[[], list[str]]


def _missing_folder(dest: Path, _tasks: Tasks) -> Path:
    return dest.parent / "absent" / "credential.yml"


def _folder_in_its_place(dest: Path, _tasks: Tasks) -> Path:
    dest.mkdir()
    return dest


def _file_as_folder(dest: Path, _tasks: Tasks) -> Path:
    dest.write_text("x")
    return dest / "credential.yml"


def _of_a_foreign_vault(dest: Path, _tasks: Tasks) -> Path:
    CredentialFile(dest, "another password").write("other: 1\n")
    return dest


def _plain_but_to_be_encrypted(dest: Path, _tasks: Tasks) -> Path:
    dest.write_text("other: 1\n")
    return dest


def _damaged(dest: Path, _tasks: Tasks) -> Path:
    CredentialFile(dest).write("other: 1\n")
    dest.write_text("\n".join(dest.read_text().splitlines()[:-1]))
    return dest


def _no_list_of_variables(dest: Path, _tasks: Tasks) -> Path:
    CredentialFile(dest).write("- a\n- list\n")
    return dest


def _not_text(dest: Path, _tasks: Tasks) -> Path:
    dest.write_bytes(os.urandom(64))
    return dest


def _without_a_password(dest: Path, tasks: Tasks) -> Path:
    tasks.vault = vault(default=VAULT_PASSWORD)
    tasks.vault._secrets.clear()
    return dest


def _encrypted_without_a_password(dest: Path, tasks: Tasks) -> Path:
    CredentialFile(dest).write("other: 1\n")
    return _without_a_password(dest, tasks)


def _on_another_host(dest: Path, tasks: Tasks) -> Path:
    tasks.vault = None
    return dest


UNUSABLE: list[tuple[Callable[[Path, Tasks], Path], list[str]]] = [
    (_missing_folder, ["dest", "absent", "does not exist"]),
    (_folder_in_its_place, ["dest", "credential.yml"]),
    (_file_as_folder, ["dest", "is not a folder"]),
    (_of_a_foreign_vault, ["dest", "no vault password of this run opens it"]),
    (_plain_but_to_be_encrypted, ["dest", "not encrypted", "ansible-vault", "encrypt to false"]),
    (_damaged, ["dest", "no vault password of this run opens it"]),
    (_no_list_of_variables, ["dest", "line 1", "name: value"]),
    (_not_text, ["dest", "cannot be read as text"]),
    (_without_a_password, ["dest", "no vault password", "--vault-password-file", "encrypt to false"]),
    (_encrypted_without_a_password, ["dest", "encrypted", "no vault password"]),
    (_on_another_host, ["dest", "delegate_to", "encrypt to false"]),
]


@pytest.mark.parametrize("check_mode", [False, True], ids=["for real", "check mode"])
@pytest.mark.parametrize(("prepare", "says"), UNUSABLE, ids=[case[0].__name__.strip("_") for case in UNUSABLE])
def test_an_unusable_file_is_refused_before_there_is_a_secret(
    tasks: Tasks,
    registered: dict[str, Any],
    writes: Writes,
    tmp_path: Path,
    prepare: Callable[[Path, Tasks], Path],
    says: list[str],
    check_mode: bool,
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    dest = prepare(folder / "credential.yml", tasks)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    writes()
    result = tasks.credential(
        app_id=registered["app_id"], kind="secret", name="ansible", dest=str(dest), check_mode=check_mode
    )
    assert (result["failed"], result["changed"]) == (True, False)
    for words in says:
        assert words in result["msg"], result["msg"]
    assert writes() == []
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_encrypted_file_is_not_written_plain(tasks: Tasks, registered: dict[str, Any], tmp_path: Path) -> None:
    kept = CredentialFile(tmp_path / "credential.yml")
    kept.write("other: 1\n")
    result = tasks.credential(
        app_id=registered["app_id"], kind="secret", name="ansible", dest=str(kept.path), encrypt=False
    )
    assert result["failed"]
    assert "is encrypted" in result["msg"]
    assert kept.is_encrypted


def test_a_file_of_another_application_is_refused(
    tasks: Tasks, registered: dict[str, Any], writes: Writes, tmp_path: Path
) -> None:
    """Two applications never share the variables of one file."""
    kept = CredentialFile(tmp_path / "credential.yml")
    tasks.credential(**OF_TASK, dest=str(kept.path))
    other = tasks.application(unique_name="other")["application"]["app_id"]
    before = kept.path.read_bytes()
    writes()
    began = time.monotonic()
    result = tasks.credential(unique_name="other", kind="secret", name="ansible", dest=str(kept.path), settle_wait=600)
    assert result["failed"]
    assert time.monotonic() - began < 300, "no waiting helps"
    for words in ("dest", registered["app_id"], other, "another file"):
        assert words in result["msg"], result["msg"]
    assert writes() == []
    assert kept.path.read_bytes() == before
    assert tasks.credential(unique_name="other", kind="secret", name="ansible", dest=str(kept.path), prefix="other_")[
        "changed"
    ]
    assert kept.variables()["partner_access_client_id"] == registered["app_id"]


BAD_OPTIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no name", {"name": None}, ["name is missing"]),
    ("no file", {"dest": None}, ["dest is missing", "shown only once"]),
    ("certificate without a file", {"kind": "certificate", "dest": None}, ["dest is missing", "PEM"]),
    ("federated without issuer", {"kind": "federated", "dest": None, "subject": "x"}, ["issuer and subject"]),
    ("federated without subject", {"kind": "federated", "dest": None, "issuer": "https://x"}, ["issuer and subject"]),
    ("certificate exposed", {"kind": "certificate", "expose_secret": True}, ["expose_secret", "certificate"]),
    ("no duration", {"lifetime": "half a year"}, ["lifetime", "half a year", "30d"]),
    ("no lifetime", {"lifetime": "0d"}, ["lifetime", "3650d"]),
    ("too long a lifetime", {"lifetime": "3651d"}, ["lifetime", "3650d"]),
    ("rotated all the time", {"lifetime": "30d", "rotate_before": "30d"}, ["rotate_before", "shorter than lifetime"]),
    ("bad overlap", {"overlap": "-1d"}, ["overlap", "-1d"]),
    ("everything removed", {"state": "absent", "name": None}, ["name", "key_id", "never all"]),
]


@pytest.mark.parametrize(("options", "says"), [case[1:] for case in BAD_OPTIONS], ids=[case[0] for case in BAD_OPTIONS])
def test_bad_options_reach_nobody(
    tasks: Tasks, registered: dict[str, Any], home: HomeTenant, tmp_path: Path, options: dict[str, Any], says: list[str]
) -> None:
    home.emulator.control("DELETE", "requests")
    given = {
        "app_id": registered["app_id"],
        "kind": "secret",
        "name": "ansible",
        "dest": str(tmp_path / "credential.yml"),
        **options,
    }
    result = tasks.credential(**given)
    assert (result["failed"], result["changed"]) == (True, False)
    for words in says:
        assert words in result["msg"], result["msg"]
    assert home.emulator.control("GET", "requests")["requests"] == []
    assert list(tmp_path.iterdir()) == []


def test_an_application_that_is_not_registered(tasks: Tasks, home: HomeTenant, tmp_path: Path) -> None:
    result = tasks.credential(
        unique_name="nobody", kind="secret", name="ansible", dest=str(tmp_path / "credential.yml"), settle_wait=2
    )
    assert result["failed"]
    assert "'nobody' is not registered in this tenant" in result["msg"]
    assert "defender_application" in result["msg"]
    assert home.applications() == []
    assert list(tmp_path.iterdir()) == []


def test_an_application_of_others_gets_no_secret(tasks: Tasks, home: HomeTenant, tmp_path: Path) -> None:
    """The registrar may read it, and the refusal comes before there is a secret; the file keeps none."""
    emulator = home.emulator
    kept = CredentialFile(tmp_path / "credential.yml")
    result = tasks.credential(app_id=emulator.client_id, kind="secret", name="ansible", dest=str(kept.path))
    assert result["failed"]
    assert "add a secret" in result["msg"]
    assert "Application.ReadWrite.All" in result["msg"]
    assert not kept.path.exists() or "client_secret" not in kept.text
