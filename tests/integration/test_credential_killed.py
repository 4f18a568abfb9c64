# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed between making a credential and storing it: the orphan is found and retired the next time."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.emulated_tenants import DAY, HomeTenant
from support.operations import Tasks
from support.vaults import CredentialFile

NAME = "northwind-soc"
OF_TASK: dict[str, Any] = {"unique_name": NAME, "kind": "secret", "name": "ansible"}

pytestmark = pytest.mark.usefixtures("registered")


def _descendants(parent: int) -> list[int]:
    """Return the processes below one, which on newer cores lead groups of their own and outlive it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # gone already
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    children = [child for child, its_parent in parents.items() if its_parent == parent]
    return [*children, *(below for child in children for below in _descendants(child))]


@pytest.fixture
def kept(ansible: Ansible) -> CredentialFile:
    return CredentialFile(ansible.place / "credential.yml")


@pytest.fixture
def kill_in_the_middle(ansible: Ansible, home: HomeTenant) -> Callable[..., None]:
    """Runs the task in a real `ansible-playbook`, and kills it while the new credential is waited for."""

    def run(until: str, signal_number: int, **options: Any) -> None:
        ansible.customers = {"contoso": ansible.customers["contoso"]}
        play = ansible.play(
            """
            - name: Keep the credential
              mssp.defender.defender_credential: "{{ options }}"
            """,
            vars={"options": {name: str(value) for name, value in options.items()}},
        )
        home.emulator.control("DELETE", "requests")
        home.emulator.control("POST", "faults", {"kind": "credential_lag", "seconds": 30, "path": home.tenant_id})
        process = ansible.start(["ansible-playbook", "-i", str(ansible.inventory()), play])
        try:
            home.until_requested(until)
            workers = _descendants(process.pid) if signal_number == signal.SIGKILL else []
            assert workers or signal_number != signal.SIGKILL
            for number in (*workers, process.pid):
                os.kill(number, signal_number)
            process.communicate(timeout=10)
        finally:
            process.kill()
            home.emulator.control("DELETE", "faults")
        assert process.returncode != 0

    return run


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
def test_the_first_secret(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, kill_in_the_middle: Callable[..., None], signal_number: int
) -> None:
    """The file tells of the attempt, although it keeps no secret yet."""
    kill_in_the_middle("addPassword", signal_number, **OF_TASK, dest=kept.path)
    (orphan,) = (item["keyId"] for item in home.secrets())
    assert kept.is_encrypted
    assert "partner_access_client_secret" not in kept.variables()
    assert "attempt" in kept.record
    assert [path.name for path in kept.path.parent.glob("*credential*")] == ["credential.yml"]

    result = tasks.credential(**OF_TASK, dest=str(kept.path))
    assert result["changed"], result
    assert [item["key_id"] for item in result["retired"]] == [orphan]
    assert [item["keyId"] for item in home.secrets()] == [result["credential"]["key_id"]]
    assert home.accepts(kept.secret)
    assert tasks.credential(**OF_TASK, dest=str(kept.path))["changed"] is False


def test_a_rotation(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, kill_in_the_middle: Callable[..., None]
) -> None:
    """The old one stays in the file and works; the orphan goes when its successor has proven itself."""
    old = tasks.credential(**OF_TASK, dest=str(kept.path))["credential"]["key_id"]
    value = kept.secret
    home.move(old, ends_in=DAY)
    kill_in_the_middle("addPassword", signal.SIGKILL, **OF_TASK, dest=kept.path)
    assert kept.secret == value
    assert home.accepts(value)
    (orphan,) = (item["keyId"] for item in home.secrets() if item["keyId"] != old)

    result = tasks.credential(**OF_TASK, dest=str(kept.path))
    assert [item["key_id"] for item in result["retired"]] == [orphan]
    assert {item["keyId"] for item in home.secrets()} == {old, result["credential"]["key_id"]}
    assert home.accepts(kept.secret)
    assert home.accepts(value), "the last good one stays for the overlap"
    assert tasks.credential(**OF_TASK, dest=str(kept.path))["changed"] is False


def test_a_rotation_that_is_not_due_any_more(
    tasks: Tasks, home: HomeTenant, kept: CredentialFile, kill_in_the_middle: Callable[..., None]
) -> None:
    """The orphan goes even if nothing is to be made: the secret in the file is the one in force."""
    old = tasks.credential(**OF_TASK, dest=str(kept.path))["credential"]["key_id"]
    home.move(old, ends_in=29 * DAY)
    kill_in_the_middle("addPassword", signal.SIGKILL, **OF_TASK, dest=kept.path)
    result = tasks.credential(**OF_TASK, dest=str(kept.path), rotate_before="10d")
    assert result["changed"]
    assert [item["keyId"] for item in home.secrets()] == [old]
    assert "attempt" not in kept.record
    assert home.accepts(kept.secret)
    assert tasks.credential(**OF_TASK, dest=str(kept.path), rotate_before="10d")["changed"] is False


def test_a_certificate_goes_on_where_it_stopped(
    tasks: Tasks, home: HomeTenant, ansible: Ansible, kill_in_the_middle: Callable[..., None]
) -> None:
    """Its key was kept beside the file: no second one is made, and none is left over."""
    task = {"unique_name": NAME, "kind": "certificate", "name": "ansible"}
    pem = ansible.place / "partner.pem"
    begun = ansible.place / ".partner.pem.next"
    kill_in_the_middle("PATCH /v1.0/applications", signal.SIGKILL, **task, dest=pem)
    (registered,) = home.certificates()
    assert not pem.exists()
    assert begun.stat().st_mode & 0o777 == 0o600
    pair = begun.read_bytes()

    result = tasks.credential(**task, dest=str(pem))
    assert result["changed"], result
    assert result["credential"]["key_id"] == registered["keyId"]
    assert home.certificates() == [registered]
    assert pem.read_bytes() == pair
    assert pem.stat().st_mode & 0o777 == 0o600
    assert not begun.exists()
    assert tasks.credential(**task, dest=str(pem))["changed"] is False
    assert sorted(path.name for path in Path(pem.parent).glob(".*")) == []
