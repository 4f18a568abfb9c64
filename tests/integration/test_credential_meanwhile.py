# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""While a rotation waits for its new credential to be known, others do not stand still; and what fails is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import DAY, HomeTenant
from support.operations import Tasks
from support.vaults import CredentialFile

NAME = "northwind-soc"
OF_TASK: dict[str, Any] = {"unique_name": NAME, "kind": "secret", "name": "ansible"}
LAG_SECONDS = 1.5

Start = Callable[..., "Future[dict[str, Any]]"]

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def kept(tmp_path: Path) -> CredentialFile:
    folder = tmp_path / "kept"
    folder.mkdir()
    return CredentialFile(folder / "credential.yml")


@pytest.fixture
def start(tasks: Tasks, home: HomeTenant) -> Iterator[Start]:
    """Starts a task beside the test, which goes on when the new credential is registered and waited for."""
    with ThreadPoolExecutor() as pool:

        def submit(until: str = "addPassword", **options: Any) -> Future[dict[str, Any]]:
            home.emulator.control("DELETE", "requests")
            home.emulator.control("POST", "faults", {"kind": "credential_lag", "seconds": LAG_SECONDS})
            running = pool.submit(tasks.credential, **options)
            home.until_requested(until)
            assert not running.done(), "the new credential is still waited for"
            return running

        yield submit


def _due(tasks: Tasks, home: HomeTenant, kept: CredentialFile) -> dict[str, Any]:
    """Make a secret that is due for rotation and return it."""
    made: dict[str, Any] = tasks.credential(**OF_TASK, dest=str(kept.path))["credential"]
    home.move(made["key_id"], ends_in=DAY)
    return made


def test_the_file_keeps_the_old_secret_until_the_new_one_works(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, start: Start
) -> None:
    _due(tasks, home, kept)
    old = kept.secret
    rotation = start(**OF_TASK, dest=str(kept.path))
    assert kept.secret == old
    assert "attempt" in kept.record, "the next run would know of an unfinished one"
    assert rotation.result()["changed"]
    assert kept.secret != old
    assert "attempt" not in kept.record
    assert home.accepts(kept.secret)


def test_lines_that_others_change_meanwhile_survive(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, start: Start
) -> None:
    kept.write("first: 1\nsecond: 2\n")
    _due(tasks, home, kept)
    rotation = start(**OF_TASK, dest=str(kept.path))
    changed = kept.text.replace("first: 1\n", "first: one\n").replace("second: 2\n", "") + "third: 3\n"
    kept.write(changed)
    assert rotation.result()["changed"]
    variables = kept.variables()
    assert variables["first"] == "one"
    assert "second" not in variables
    assert variables["third"] == 3
    assert home.accepts(kept.secret)


@pytest.mark.parametrize("exists", [True, False], ids=["a rotation", "the first secret"])
def test_two_runs_at_once_end_with_one_new_secret(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, start: Start, exists: bool
) -> None:
    old = [_due(tasks, home, kept)["key_id"]] if exists else []
    rotation = start(**OF_TASK, dest=str(kept.path))
    second = tasks.credential(**OF_TASK, dest=str(kept.path))
    first = rotation.result()
    assert (first["changed"], second["changed"]) == (True, False), second
    assert second["credential"] == first["credential"]
    assert [item["keyId"] for item in home.secrets()] == [*old, first["credential"]["key_id"]]
    assert home.accepts(kept.secret)


def test_another_run_is_not_waited_for_without_end(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, start: Start
) -> None:
    _due(tasks, home, kept)
    rotation = start(**OF_TASK, dest=str(kept.path))
    impatient = tasks.credential(**OF_TASK, dest=str(kept.path), settle_wait=0)
    assert impatient["failed"]
    assert "another run" in impatient["msg"]
    assert "run again later" in impatient["msg"]
    assert rotation.result()["changed"]


def _seal_with_another_password(kept: CredentialFile) -> None:
    CredentialFile(kept.path, "another password").write(kept.text)


def _move_the_folder(kept: CredentialFile) -> None:
    kept.path.parent.rename(kept.path.parent.with_name("moved"))


@pytest.mark.parametrize("spoil", [_seal_with_another_password, _move_the_folder])
@pytest.mark.parametrize("exists", [True, False], ids=["a rotation", "the first secret"])
def test_a_secret_that_cannot_be_stored_is_removed(
    tasks: Tasks,
    home: HomeTenant,
    kept: CredentialFile,
    start: Start,
    spoil: Callable[[CredentialFile], None],
    exists: bool,
) -> None:
    """It has proven itself, but nobody would know it: the old one still works, and is named."""
    old = _due(tasks, home, kept) if exists else None
    value = kept.secret if exists else ""
    rotation = start(**OF_TASK, dest=str(kept.path))
    spoil(kept)
    result = rotation.result()
    assert result["failed"]
    for words in ("could not be stored", "was removed", "dest" if spoil is _seal_with_another_password else "kept"):
        assert words in result["msg"], result["msg"]
    if old:
        assert [item["keyId"] for item in home.secrets()] == [old["key_id"]]
        assert old["key_id"] in result["msg"]
        assert "still in place" in result["msg"]
        home.emulator.control("DELETE", "faults")
        assert home.accepts(value)
    else:
        assert home.secrets() == []
        assert "no earlier one" in result["msg"]


def test_a_secret_that_never_gets_a_token_is_removed(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, fault: Callable[..., None]
) -> None:
    """The file keeps the old one, which still works and is named."""
    old = _due(tasks, home, kept)
    value = kept.secret
    fault("credential_lag", seconds=1000)
    result = tasks.credential(**OF_TASK, dest=str(kept.path), settle_wait=3)
    assert result["failed"]
    for words in ("got no token and was removed", "AADSTS7000215", old["key_id"], "still in place", "provider:"):
        assert words in result["msg"], result["msg"]
    home.emulator.control("DELETE", "faults")
    assert [item["keyId"] for item in home.secrets()] == [old["key_id"]]
    assert kept.secret == value
    assert home.accepts(value)

    again = tasks.credential(**OF_TASK, dest=str(kept.path))
    assert again["changed"], again
    assert home.accepts(kept.secret)
    assert home.accepts(value), "the last good one stays for the overlap"
    assert "attempt" not in kept.record


def test_a_useless_secret_that_cannot_be_removed_is_named(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, fault: Callable[..., None]
) -> None:
    """And the next run removes it."""
    old = _due(tasks, home, kept)
    fault("credential_lag", seconds=1000)
    fault("server_error", path="removePassword")
    result = tasks.credential(**OF_TASK, dest=str(kept.path), settle_wait=2, retries=0)
    assert result["failed"]
    (useless,) = (item["keyId"] for item in home.secrets() if item["keyId"] != old["key_id"])
    for words in (useless, "the next run removes it", old["key_id"], "still in place"):
        assert words in result["msg"], result["msg"]
    home.emulator.control("DELETE", "faults")
    again = tasks.credential(**OF_TASK, dest=str(kept.path))
    assert [item["key_id"] for item in again["retired"]] == [useless]
    assert {item["keyId"] for item in home.secrets()} == {old["key_id"], again["credential"]["key_id"]}


def test_an_old_secret_that_cannot_be_retired_is_named(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, fault: Callable[..., None]
) -> None:
    """The new one is in force by then."""
    old = _due(tasks, home, kept)
    fault("server_error", path="removePassword")
    task = {**OF_TASK, "dest": str(kept.path), "overlap": "0m"}
    result = tasks.credential(**task, retries=0)
    assert result["failed"]
    assert result["changed"], "a new secret was made and stored"
    assert home.accepts(kept.secret)
    for words in ("could not be retired", old["key_id"], kept.record["key_id"], "still in place"):
        assert words in result["msg"], result["msg"]
    home.emulator.control("DELETE", "faults")
    again = tasks.credential(**task)
    assert [item["key_id"] for item in again["retired"]] == [old["key_id"]]
    assert home.accepts(kept.secret)


def test_a_secret_whose_answer_was_lost_is_retired(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, start: Start
) -> None:
    """The request was repeated, so that there is one more of the name, whose value nobody knows."""
    old = _due(tasks, home, kept)
    rotation = start(**OF_TASK, dest=str(kept.path))
    path = f"applications/{home.application()['id']}/addPassword"
    lost = home.call("POST", path, {"passwordCredential": {"displayName": "ansible"}})["keyId"]
    current = rotation.result()["credential"]["key_id"]
    again = tasks.credential(**OF_TASK, dest=str(kept.path))
    assert [item["key_id"] for item in again["retired"]] == [lost]
    assert {item["keyId"] for item in home.secrets()} == {old["key_id"], current}


def test_a_certificate_that_others_register_meanwhile_survives(
    tasks: Tasks, home: HomeTenant, fault: Callable[..., None], tmp_path: Path
) -> None:
    """When ours gets no token and is taken back, the list is replaced as a whole."""
    task = {"unique_name": NAME, "kind": "certificate"}
    tasks.credential(**task, name="theirs", dest=str(tmp_path / "theirs.pem"))
    (theirs,) = home.certificates()
    path = f"applications/{home.application()['id']}"
    home.call("PATCH", path, {"keyCredentials": []})
    fault("credential_lag", seconds=1000)
    with ThreadPoolExecutor() as pool:
        home.emulator.control("DELETE", "requests")
        running = pool.submit(tasks.credential, **task, name="mine", dest=str(tmp_path / "mine.pem"), settle_wait=8)
        home.until_requested("PATCH /v1.0/applications/")
        home.call("PATCH", path, {"keyCredentials": [*home.certificates(), theirs]})
        assert running.result()["failed"]
    assert [item["displayName"] for item in home.certificates()] == ["theirs"]
