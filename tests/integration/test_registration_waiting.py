# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory that lags, collides and throttles: one run ends well all the same, and makes nothing twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import HomeTenant
from support.operations import Tasks
from support.vaults import CredentialFile

NAME = "northwind-soc"
DECLARED: dict[str, Any] = {
    "unique_name": NAME,
    "redirect_uris": ["https://soc.example/consent-result"],
    "permissions": {"xdr": ["Incident.Read.All"], "graph": ["SecurityIncident.Read.All"]},
}
LAG_SECONDS = 2
ROLES = ["Incident.Read.All", "SecurityIncident.Read.All"]

Fault = Callable[..., None]
Writes = Callable[[], list[str]]


def _registered_once(home: HomeTenant) -> str:
    app_id = str(home.application()["appId"])
    assert home.roles(app_id) == ROLES
    return app_id


def test_a_new_application_is_not_known_everywhere_at_once(
    tasks: Tasks, home: HomeTenant, fault: Fault, count_requests: Callable[[str], int]
) -> None:
    """404 and NoBackingApplicationObject right after a creation are waited out."""
    fault("directory_lag", seconds=2)
    result = tasks.application(**DECLARED)
    assert not result["failed"], result
    assert count_requests("POST /v1.0/servicePrincipals") > 2, "it was refused, and tried again"
    _registered_once(home)
    home.emulator.control("DELETE", "faults")
    assert tasks.application(**DECLARED)["changed"] is False


def test_a_second_run_right_after_the_first_makes_no_second_application(
    tasks: Tasks, home: HomeTenant, fault: Fault
) -> None:
    """It does not see what the first one made, and asks Graph to create it if missing."""
    tasks.application(**DECLARED)
    fault("directory_lag", seconds=2)
    tasks.application(unique_name="other")
    result = tasks.application(unique_name="other", display_name="Other")
    assert not result["failed"], result
    assert sorted(str(item["uniqueName"]) for item in home.applications()) == [NAME, "other"]


def test_what_never_appears_is_given_up(tasks: Tasks, home: HomeTenant, fault: Fault) -> None:
    """After settle_wait, with a sentence; the next run goes on from there."""
    fault("directory_lag", seconds=1000)
    result = tasks.application(**DECLARED, settle_wait=2)
    assert result["failed"]
    assert result["changed"], "an application was made"
    assert result["msg"]
    home.emulator.control("DELETE", "faults")
    again = tasks.application(**DECLARED)
    assert not again["failed"], again
    _registered_once(home)


def test_collisions_are_repeated(tasks: Tasks, home: HomeTenant, fault: Fault) -> None:
    fault("conflict", times=2)
    result = tasks.application(**DECLARED)
    assert not result["failed"], result
    _registered_once(home)


@pytest.mark.parametrize(
    "how", [{"retry_after": 2}, {"retry_after": "http-date", "seconds": 3}], ids=["seconds", "date"]
)
def test_retry_after_is_honoured(
    tasks: Tasks, home: HomeTenant, fault: Fault, count_requests: Callable[[str], int], how: dict[str, Any]
) -> None:
    fault("throttle", path="/v1.0/", times=1, **how)
    began = time.monotonic()
    result = tasks.application(**DECLARED)
    assert not result["failed"], result
    assert time.monotonic() - began >= 1.5
    _registered_once(home)
    assert count_requests("PATCH") == 1, "nothing is sent twice"


@pytest.mark.parametrize("path", ["servicePrincipals", "appRoleAssignedTo", "uniqueName", "appRoleAssignments"])
def test_throttled_at_each_step(tasks: Tasks, home: HomeTenant, fault: Fault, path: str) -> None:
    fault("throttle", path=path, times=1, retry_after=1)
    result = tasks.application(**DECLARED)
    assert not result["failed"], result
    _registered_once(home)


def test_throttled_for_longer_than_max_wait(tasks: Tasks, home: HomeTenant, fault: Fault) -> None:
    fault("throttle", path="appRoleAssignedTo", retry_after=600)
    began = time.monotonic()
    result = tasks.application(**DECLARED, max_wait=2)
    assert result["failed"]
    assert result["changed"], "the application was made"
    assert "throttl" in result["msg"]
    assert "max_wait" in result["msg"]
    assert time.monotonic() - began < 300
    home.emulator.control("DELETE", "faults")
    assert not tasks.application(**DECLARED)["failed"]
    _registered_once(home)


@pytest.mark.parametrize("kind", ["server_error", "reset", "truncate"])
def test_failures_that_pass(tasks: Tasks, home: HomeTenant, fault: Fault, kind: str) -> None:
    fault(kind, path="/v1.0/", times=2)
    result = tasks.application(**DECLARED)
    assert not result["failed"], result
    _registered_once(home)


def test_a_grant_that_is_not_listed_yet(tasks: Tasks, home: HomeTenant, fault: Fault) -> None:
    """Somebody else made it a moment ago: the duplicate is no error."""
    tasks.application(**DECLARED, grant=False)
    time.sleep(LAG_SECONDS)
    tasks.application(**DECLARED)
    fault("directory_lag", seconds=LAG_SECONDS, path="appRoleAssignments")
    result = tasks.application(**DECLARED)
    assert not result["failed"], result
    _registered_once(home)


def test_everything_at_once(tasks: Tasks, home: HomeTenant, fault: Fault, tmp_path: Path) -> None:
    """From nothing to a secret that works, in one run, and a second run that changes nothing."""
    kept = CredentialFile(tmp_path / "credential.yml")
    fault("directory_lag", seconds=0.9)
    fault("credential_lag", seconds=1.5)
    fault("conflict", times=1)
    fault("throttle", path="/v1.0/", times=2, retry_after=1)
    for expected in (True, False):
        registered = tasks.application(**DECLARED)
        made = tasks.credential(unique_name=NAME, kind="secret", name="ansible", dest=str(kept.path))
        assert (registered["failed"], made["failed"]) == (False, False), (registered, made)
        assert (registered["changed"], made["changed"]) == (expected, expected)
    _registered_once(home)
    assert len(home.secrets()) == 1
    assert home.accepts(kept.secret)


def test_a_failure_that_passes_while_a_secret_is_added(
    tasks: Tasks, registered: dict[str, Any], home: HomeTenant, fault: Fault, tmp_path: Path
) -> None:
    kept = CredentialFile(tmp_path / "credential.yml")
    fault("server_error", path="addPassword", times=1)
    result = tasks.credential(app_id=registered["app_id"], kind="secret", name="ansible", dest=str(kept.path))
    assert not result["failed"], result
    assert len(home.secrets()) == 1
    assert home.accepts(kept.secret)


def test_a_secret_right_after_the_registration(
    tasks: Tasks, registered: dict[str, Any], home: HomeTenant, fault: Fault, tmp_path: Path
) -> None:
    """As the playbook register does it: the directory does not find the new application by its name yet."""
    fault("directory_lag", seconds=2, path="/v1.0/applications")
    kept = CredentialFile(tmp_path / "credential.yml")
    result = tasks.credential(unique_name=registered["unique_name"], kind="secret", name="ansible", dest=str(kept.path))
    assert not result["failed"], result
    assert home.accepts(kept.secret)


def test_a_secret_of_an_application_without_a_service_principal(tasks: Tasks, home: HomeTenant, tmp_path: Path) -> None:
    """It could get no token at home: the sentence says what is missing there, and to whom."""
    home.call("POST", "applications", {"displayName": "Half made", "uniqueName": NAME})
    dest = tmp_path / "credential.yml"
    result = tasks.credential(unique_name=NAME, kind="secret", name="ansible", dest=str(dest), settle_wait=2)
    assert result["failed"]
    assert result["who"] == "provider"
    assert "defender_application" in result["msg"]
    assert home.secrets() == []
