# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential is removed by its name or its key id, never all at once, and the last good one only with `force`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import DAY, HomeTenant
from support.operations import Tasks

NAME = "northwind-soc"
ABSENT: dict[str, Any] = {"unique_name": NAME, "state": "absent"}
SECRET: dict[str, Any] = {**ABSENT, "kind": "secret"}
FEDERATED: dict[str, Any] = {"kind": "federated", "issuer": "https://pipelines.example", "subject": "repo:provider/soc"}

Writes = Callable[[], list[str]]

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def secrets(home: HomeTenant) -> dict[str, str]:
    """Three secrets by key id, two of them of one name: key id -> value."""
    path = f"applications/{home.application()['id']}/addPassword"
    added = [home.call("POST", path, {"passwordCredential": {"displayName": name}}) for name in ("old", "old", "new")]
    return {str(item["keyId"]): str(item["secretText"]) for item in added}


def test_by_name(tasks: Tasks, home: HomeTenant, secrets: dict[str, str], writes: Writes) -> None:
    *old, new = secrets
    writes()
    planned = tasks.credential(**SECRET, name="old", check_mode=True)
    assert planned["changed"]
    assert writes() == []
    result = tasks.credential(**SECRET, name="old")
    assert sorted(item["key_id"] for item in result["removed"]) == sorted(old)
    assert result["removed"] == planned["removed"]
    assert writes() == ["POST removePassword"] * 2
    assert [item["keyId"] for item in home.secrets()] == [new]
    assert home.accepts(secrets[new])
    again = tasks.credential(**SECRET, name="old")
    assert (again["changed"], again["removed"]) == (False, [])
    assert writes() == []


def test_by_key_id(tasks: Tasks, home: HomeTenant, secrets: dict[str, str]) -> None:
    first, second, third = secrets
    result = tasks.credential(**SECRET, key_id=first)
    assert [item["key_id"] for item in result["removed"]] == [first]
    assert {item["keyId"] for item in home.secrets()} == {second, third}
    unmatched = tasks.credential(**SECRET, key_id=third, name="old")
    assert unmatched["removed"] == [], "both must fit"
    assert tasks.credential(**SECRET, key_id="00000000-0000-4000-8000-000000000000")["changed"] is False


def test_the_last_one_needs_force(tasks: Tasks, home: HomeTenant, secrets: dict[str, str], writes: Writes) -> None:
    tasks.credential(**SECRET, name="old")
    writes()
    for check_mode in (True, False):
        refused = tasks.credential(**SECRET, name="new", check_mode=check_mode)
        assert (refused["failed"], refused["changed"]) == (True, False)
        for words in ("'new'", "no credential that is good today", "force"):
            assert words in refused["msg"], refused["msg"]
    assert writes() == []
    assert home.accepts(list(secrets.values())[-1])
    forced = tasks.credential(**SECRET, name="new", force=True)
    assert forced["changed"]
    assert home.secrets() == []


def test_one_that_has_expired_is_no_other(tasks: Tasks, home: HomeTenant, secrets: dict[str, str]) -> None:
    """What does not work any more does not make another one dispensable, and may itself go."""
    tasks.credential(**SECRET, key_id=next(iter(secrets)))
    _first, second, third = secrets
    home.move(second, ends_in=-DAY)
    assert tasks.credential(**SECRET, key_id=third)["failed"]
    gone = tasks.credential(**SECRET, key_id=second)
    assert gone["changed"], gone
    assert [item["keyId"] for item in home.secrets()] == [third]


def test_a_credential_of_another_kind_is_another_one(tasks: Tasks, home: HomeTenant, tmp_path: Path) -> None:
    """A certificate that works is enough to let the last secret go; and a name belongs to its kind."""
    path = f"applications/{home.application()['id']}/addPassword"
    home.call("POST", path, {"passwordCredential": {"displayName": "ansible"}})
    made = tasks.credential(unique_name=NAME, name="ansible", dest=str(tmp_path / "key.pem"))
    assert made["changed"], made
    assert tasks.credential(**SECRET, name="ansible")["changed"]
    assert home.secrets() == []
    assert len(home.certificates()) == 1
    refused = tasks.credential(**ABSENT, kind="certificate", name="ansible")
    assert refused["failed"]
    assert tasks.credential(unique_name=NAME, name="pipeline", **FEDERATED)["changed"]
    assert tasks.credential(**ABSENT, kind="certificate", name="ansible")["changed"]
    assert home.certificates() == []


def test_certificates_of_others_stay(tasks: Tasks, home: HomeTenant, tmp_path: Path) -> None:
    for name in ("ansible", "other"):
        tasks.credential(unique_name=NAME, name=name, dest=str(tmp_path / f"{name}.pem"))
    before = {item["displayName"]: item for item in home.certificates()}
    result = tasks.credential(**ABSENT, kind="certificate", name="ansible")
    assert [item["name"] for item in result["removed"]] == ["ansible"]
    assert home.certificates() == [before["other"]]


def test_a_federated_credential(tasks: Tasks, home: HomeTenant, secrets: dict[str, str]) -> None:
    tasks.credential(unique_name=NAME, name="pipeline", **FEDERATED)
    result = tasks.credential(**ABSENT, kind="federated", name="pipeline")
    assert [item["name"] for item in result["removed"]] == ["pipeline"]
    assert home.application()["federatedIdentityCredentials"] == []
    assert len(home.secrets()) == len(secrets)
    assert tasks.credential(**ABSENT, kind="federated", name="pipeline")["changed"] is False


def test_of_an_application_that_is_gone(tasks: Tasks) -> None:
    tasks.application(unique_name=NAME, state="absent")
    result = tasks.credential(**SECRET, name="ansible")
    assert (result["failed"], result["changed"], result["removed"]) == (False, False, [])
