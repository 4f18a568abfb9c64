# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What app management policies forbid is refused before anything is made, or explained when Microsoft Graph refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import HomeTenant
from support.emulator import EmulatorProcess
from support.operations import Tasks

NAME = "northwind-soc"
USUAL = ["Application.ReadWrite.OwnedBy", "Application.Read.All", "AppRoleAssignment.ReadWrite.All"]
NO_SECRETS = {"restrictionType": "passwordAddition", "state": "enabled"}
SHORT_SECRETS = {"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": "P30D"}
SHORT_KEYS = {"restrictionType": "asymmetricKeyLifetime", "state": "enabled", "maxLifetime": "P90D"}
NO_TENANTS = {"azureAdMultipleOrgs": {"state": "enabled"}}
SECRET = {"kind": "secret", "name": "ansible", "expose_secret": True}

Writes = Callable[[], list[str]]


@pytest.fixture(params=[True, False], ids=["policies can be read", "policies cannot be read"])
def readable(request: pytest.FixtureRequest, emulator: EmulatorProcess) -> bool:
    """Whether the registrar may read the policies."""
    emulator.control("PATCH", "registrar", {"roles": [*USUAL, *(["Policy.Read.All"] if request.param else [])]})
    return bool(request.param)


def _forbid(emulator: EmulatorProcess, **restrictions: Any) -> None:
    default = {"displayName": "House rules", "isEnabled": True, "applicationRestrictions": restrictions}
    emulator.control("PUT", "policies", {"default": default})


def _check(result: dict[str, Any], writes: list[str], readable: bool, code: str, forbids: str) -> None:
    """Before anything is made where the policies can be read, and else by Microsoft's code."""
    assert (result["failed"], result["changed"], result["who"]) == (True, False, "provider")
    assert forbids in result["msg"]
    if readable:
        assert (result["code"], writes) == (None, [])
        assert "the app management policy 'House rules' of this tenant forbids" in result["msg"]
    else:
        assert (result["code"], len(writes)) == (code, 1)
        assert "an app management policy of this tenant forbids" in result["msg"]


def test_a_policy_against_all_secrets(
    tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess, writes: Writes, readable: bool, tmp_path: Path
) -> None:
    tasks.application(unique_name=NAME)
    _forbid(emulator, passwordCredentials=[NO_SECRETS])
    writes()
    result = tasks.credential(unique_name=NAME, **SECRET)
    _check(result, writes(), readable, "CredentialTypeNotAllowedAsPerAppPolicy", "forbids client secrets")
    assert "choose a certificate or a federated credential (option kind)" in result["msg"]
    assert home.secrets() == []
    # what the sentence says to choose instead works
    certificate = {"kind": "certificate", "name": "ansible", "dest": str(tmp_path / "soc.pem")}
    assert tasks.credential(unique_name=NAME, **certificate)["changed"]


def test_a_policy_against_long_lives_of_secrets(
    tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess, writes: Writes, readable: bool, tmp_path: Path
) -> None:
    tasks.application(unique_name=NAME)
    _forbid(emulator, passwordCredentials=[SHORT_SECRETS])
    writes()
    dest = tmp_path / "credential.yml"
    result = tasks.credential(unique_name=NAME, kind="secret", name="ansible", dest=str(dest))
    _check(result, writes(), readable, "CredentialInvalidLifetimeAsPerAppPolicy", "that are good for")
    assert "choose a shorter lifetime" in result["msg"]
    assert home.secrets() == []
    assert dest.exists() is not readable, "nothing is written where it is known before"
    short = {"lifetime": "30d", "rotate_before": "7d", "dest": str(dest)}
    assert tasks.credential(unique_name=NAME, kind="secret", name="ansible", **short)["changed"]


def test_a_policy_against_long_lives_of_certificates(
    tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess, writes: Writes, readable: bool, tmp_path: Path
) -> None:
    tasks.application(unique_name=NAME)
    _forbid(emulator, keyCredentials=[SHORT_KEYS])
    writes()
    certificate = {"unique_name": NAME, "kind": "certificate", "name": "ansible"}
    result = tasks.credential(**certificate, dest=str(tmp_path / "long.pem"))
    _check(result, writes(), readable, "CredentialInvalidLifetimeAsPerAppPolicy", "that are good for")
    assert home.certificates() == []
    # as long as is allowed, to the second
    assert tasks.credential(**certificate, dest=str(tmp_path / "short.pem"), lifetime="90d")["changed"]


@pytest.mark.parametrize("found", [True, False], ids=["promotion", "creation"])
def test_a_policy_against_applications_of_many_tenants(
    tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess, writes: Writes, readable: bool, found: bool
) -> None:
    if found:
        tasks.application(unique_name=NAME, sign_in_audience="AzureADMyOrg")
    _forbid(emulator, audiences=NO_TENANTS)
    writes()
    result = tasks.application(unique_name=NAME)
    _check(result, writes(), readable, "SignInAudienceNotAllowedAsPerAppPolicy", "sign_in_audience")
    assert "have an administrator exempt the application" in result["msg"]
    assert [item["signInAudience"] for item in home.applications()] == (["AzureADMyOrg"] if found else [])
    assert tasks.application(unique_name=NAME, sign_in_audience="AzureADMyOrg")["failed"] is False


def test_check_mode_tells_it_too(tasks: Tasks, emulator: EmulatorProcess, writes: Writes) -> None:
    emulator.control("PATCH", "registrar", {"roles": [*USUAL, "Policy.Read.All"]})
    tasks.application(unique_name=NAME)
    _forbid(emulator, passwordCredentials=[NO_SECRETS], audiences=NO_TENANTS)
    writes()
    secret = tasks.credential(unique_name=NAME, **SECRET, check_mode=True)
    assert "'House rules' of this tenant forbids client secrets" in secret["msg"]
    application = tasks.application(unique_name="other", check_mode=True)
    assert "'House rules' of this tenant forbids the sign_in_audience AzureADMultipleOrgs" in application["msg"]
    assert writes() == []


def test_the_policy_of_the_application_exempts_it(
    tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess, readable: bool
) -> None:
    tasks.application(unique_name=NAME)
    _forbid(emulator, passwordCredentials=[NO_SECRETS])
    own = {"restrictions": {"passwordCredentials": [{**NO_SECRETS, "state": "disabled"}]}}
    emulator.control("PUT", "policies", {"applications": {home.application()["appId"]: own}})
    assert tasks.credential(unique_name=NAME, **SECRET)["changed"], readable


@pytest.mark.parametrize(
    ("since", "is_forbidden"), [("2020-01-01T00:00:00Z", True), ("2999-01-01T00:00:00Z", False)], ids=["since", "later"]
)
def test_a_policy_holds_for_what_was_registered_after_its_date(
    tasks: Tasks, emulator: EmulatorProcess, readable: bool, since: str, is_forbidden: bool
) -> None:
    tasks.application(unique_name=NAME)
    _forbid(emulator, passwordCredentials=[{**NO_SECRETS, "restrictForAppsCreatedAfterDateTime": since}])
    assert tasks.credential(unique_name=NAME, **SECRET)["failed"] is is_forbidden, readable


def test_what_is_there_already_is_no_matter_of_policies(
    tasks: Tasks, emulator: EmulatorProcess, readable: bool, tmp_path: Path
) -> None:
    secret = {"unique_name": NAME, "kind": "secret", "name": "ansible", "dest": str(tmp_path / "credential.yml")}
    tasks.application(unique_name=NAME)
    tasks.credential(**secret)
    _forbid(emulator, passwordCredentials=[NO_SECRETS, SHORT_SECRETS], audiences=NO_TENANTS)
    for again in (tasks.credential(**secret), tasks.application(unique_name=NAME)):
        assert (again["failed"], again["changed"]) == (False, False), readable
