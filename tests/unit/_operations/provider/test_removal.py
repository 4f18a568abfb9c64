# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from support.machine import Clock
from support.scripted_entra import ScriptedEntra
from support.scripted_graph import (
    APP_ID,
    DENIED,
    DONE,
    NOT_FOUND,
    UNIQUE_NAME,
    application,
    applications,
    by_key,
    credential,
)
from support.scripted_server import Answer
from support.scripted_tasks import RegistrarTask

from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import credential as operation

FEDERATED = applications("/federatedIdentityCredentials")
REMOVE = applications("/removePassword")
NAMED = by_key("applications", "uniqueName", UNIQUE_NAME)
GOOD, EXPIRED = (-10, 100), (-100, -1)


class Application:
    """An application with credentials of every kind, and the task that removes one."""

    def __init__(self, entra: ScriptedEntra) -> None:
        self.task = RegistrarTask(operation.OPERATION, entra, kind="secret", state="absent")
        self.server = entra.server
        self.server.script(REMOVE, DONE, method="POST")
        self.server.script(applications(), DONE, method="PATCH")
        self.has(secrets={"s1": GOOD, "s2": GOOD}, certificates={"c1": GOOD, "c2": GOOD}, federated=["f1"])

    def has(
        self,
        secrets: dict[str, tuple[int, int]] | None = None,
        certificates: dict[str, tuple[int, int]] | None = None,
        federated: list[str] | None = None,
    ) -> None:
        """Register credentials by key id; each is named after its id."""
        found = application(
            passwordCredentials=[credential(key, f"name of {key}", *days) for key, days in (secrets or {}).items()],
            keyCredentials=[
                credential(key, f"name of {key}", *days, key=key) for key, days in (certificates or {}).items()
            ],
        )
        self.server.script(NAMED, Answer(found))
        self.server.script(applications(), Answer(found), method="GET")
        members = [{"id": key, "name": f"name of {key}"} for key in federated or []]
        self.server.script(FEDERATED, Answer({"value": members}))
        for key in federated or []:
            self.server.script(f"{FEDERATED}/{key}", DONE, method="DELETE")


@pytest.fixture
def registered(entra: ScriptedEntra, clock: Clock) -> Application:
    assert clock.pauses == []
    return Application(entra)


@pytest.mark.parametrize("named", [{"name": "name of s1"}, {"key_id": "s1"}, {"name": "name of s1", "key_id": "s1"}])
def test_a_secret_is_removed_by_its_name_or_its_id(registered: Application, named: dict[str, str]) -> None:
    planned = registered.task(check_mode=True, **named)
    assert registered.task.written() == []
    result = registered.task(**named)
    assert registered.task.body("POST", REMOVE) == {"keyId": "s1"}
    assert registered.task.written() == [("POST", REMOVE)]
    assert (result["changed"], [item["name"] for item in result["removed"]]) == (True, ["name of s1"])
    assert result["diff"] == {"before": {"credentials": result["removed"]}, "after": {"credentials": []}}
    assert planned == result


def test_a_certificate_is_removed_and_the_others_keep_their_public_parts(registered: Application) -> None:
    registered.task(kind="certificate", name="name of c1")
    (left,) = registered.task.body("PATCH", applications())["keyCredentials"]
    assert (left["keyId"], left["key"]) == ("c2", "c2")


def test_a_federated_credential_is_removed(registered: Application) -> None:
    result = registered.task(kind="federated", name="name of f1")
    assert registered.task.written() == [("DELETE", f"{FEDERATED}/f1")]
    assert result["removed"] == [{"name": "name of f1", "key_id": "f1"}]


@pytest.mark.parametrize(
    "named", [{"name": "nobody"}, {"key_id": "c1"}, {"name": "name of s1", "key_id": "s2"}, {"name": "NAME OF S1"}]
)
def test_what_is_not_there_needs_no_removing(registered: Application, named: dict[str, str]) -> None:
    result = registered.task(**named)
    assert (result["changed"], result["removed"], "diff" in result) == (False, [], False)
    assert registered.task.written() == []


@pytest.mark.parametrize(
    ("kind", "named", "other"),
    [
        ("certificate", {"name": "name of s1"}, "secret"),
        ("secret", {"key_id": "c1"}, "certificate"),
        ("certificate", {"name": "name of f1"}, "federated"),
    ],
)
def test_what_is_there_as_another_kind_is_told(
    registered: Application, kind: str, named: dict[str, str], other: str
) -> None:
    assert registered.task(kind=kind, **named)["removed"] == []
    (meant,) = named.values()
    assert registered.task.warnings == [f"there is no {kind} '{meant}', but one of kind {other}: set kind to {other}"]
    assert registered.task.written() == []


def test_no_application_has_no_credential(registered: Application) -> None:
    registered.server.script(NAMED, NOT_FOUND)
    assert registered.task(name="ansible") == {"changed": False, "failed": False, "removed": []}


LAST: list[tuple[str, str, dict[str, Any]]] = [
    ("secret", "s1", {"secrets": {"s1": GOOD}}),
    ("secret", "s1", {"secrets": {"s1": GOOD, "s2": EXPIRED}, "certificates": {"c1": EXPIRED}}),
    ("certificate", "c1", {"certificates": {"c1": GOOD}}),
    ("federated", "f1", {"federated": ["f1"], "secrets": {"s1": EXPIRED}}),
]


@pytest.mark.parametrize(("kind", "key", "credentials"), LAST)
@pytest.mark.parametrize("check_mode", [True, False])
def test_the_last_good_credential_is_not_removed_by_accident(
    registered: Application, kind: str, key: str, credentials: dict[str, Any], check_mode: bool
) -> None:
    registered.has(**credentials)
    result = registered.task(check_mode=check_mode, kind=kind, name=f"name of {key}")
    assert (result["failed"], result["changed"], registered.task.written()) == (True, False, [])
    assert f"without 'name of {key}' application {APP_ID} has no credential that is good today" in result["msg"]
    assert "add another one first, or set force to true" in result["msg"]


@pytest.mark.parametrize(("kind", "key", "credentials"), LAST)
def test_the_last_good_credential_is_removed_by_force(
    registered: Application, kind: str, key: str, credentials: dict[str, Any]
) -> None:
    registered.has(**credentials)
    result = registered.task(kind=kind, name=f"name of {key}", force=True)
    assert (result["failed"], result["changed"], len(registered.task.written())) == (False, True, 1)


@pytest.mark.parametrize(
    "credentials",
    [
        {"secrets": {"s1": EXPIRED}},
        {"secrets": {"s1": EXPIRED, "s2": GOOD}},
        {"secrets": {"s1": GOOD}, "certificates": {"c1": GOOD}},
        {"secrets": {"s1": GOOD}, "federated": ["f1"]},
    ],
)
def test_a_secret_that_is_not_the_last_good_one_needs_no_force(
    registered: Application, credentials: dict[str, Any]
) -> None:
    registered.has(**credentials)
    assert registered.task(name="name of s1")["changed"] is True


def test_every_credential_of_a_name_goes_and_not_the_last_good_ones(registered: Application) -> None:
    found = [credential(key, "ansible", *GOOD) for key in ("s1", "s2")]
    registered.server.script(NAMED, Answer(application(passwordCredentials=found)))
    registered.server.script(FEDERATED, Answer({"value": []}))
    assert "without 'ansible' application" in registered.task(name="ansible")["msg"]
    assert registered.task(name="ansible", key_id="s1")["changed"] is True
    registered.task(name="ansible", force=True)
    assert sorted(request.json["keyId"] for request in registered.server.requests_to(REMOVE)) == ["s1", "s1", "s2"]


def test_a_refusal_names_the_right_that_is_missing(registered: Application) -> None:
    registered.server.script(REMOVE, DENIED, method="POST")
    assert "Microsoft Graph refused to remove a secret: " in registered.task(name="name of s1")["msg"]
