# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application is locked as declared, and what others may find fault with is reported, never a failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.emulated_tenants import DAY, HomeTenant
from support.emulator import EmulatorProcess
from support.operations import Tasks

NAME = "northwind-soc"
LOCK = "servicePrincipalLockConfiguration"
WHOLE_LOCK = {
    "isEnabled": True,
    "allProperties": True,
    "credentialsWithUsageVerify": True,
    "credentialsWithUsageSign": True,
    "tokenEncryptionKeyId": True,
}
OWNED_BY, READ = "Application.ReadWrite.OwnedBy", "Application.Read.All"

Writes = Callable[[], list[str]]


def _failing(result: dict[str, Any]) -> list[str]:
    return sorted(finding["test"] for finding in result["zero_trust"] if finding["passes"] is False)


@pytest.mark.parametrize("by_default", [True, False], ids=["locked by Microsoft", "not locked by Microsoft"])
def test_a_new_application_is_locked(
    tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess, writes: Writes, by_default: bool
) -> None:
    emulator.control("PATCH", "application", {"lock_new_applications": by_default})
    planned = tasks.application(unique_name=NAME, check_mode=True)
    result = tasks.application(unique_name=NAME)
    assert home.application()[LOCK] == WHOLE_LOCK
    assert planned["diff"] == result["diff"]
    assert (planned["application"]["property_lock"], result["application"]["property_lock"]) == (True, True)
    assert result["diff"]["after"]["property_lock"] is True
    writes()
    assert tasks.application(unique_name=NAME)["changed"] is False
    assert writes() == []


def test_nobody_can_give_its_service_principal_a_credential(tasks: Tasks, home: HomeTenant) -> None:
    app_id = tasks.application(unique_name=NAME)["application"]["app_id"]
    with pytest.raises(AssertionError, match=r"400 .*CannotUpdateLockedServicePrincipalProperty"):
        home.call("POST", f"servicePrincipals(appId='{app_id}')/addPassword", {})
    # and the application may have one all the same
    assert tasks.credential(app_id=app_id, kind="secret", name="ansible", expose_secret=True)["changed"]


@pytest.mark.parametrize(
    "lock", [None, {"isEnabled": True, "credentialsWithUsageVerify": True}], ids=["none", "a part"]
)
def test_an_application_that_was_there_is_locked(
    tasks: Tasks, home: HomeTenant, writes: Writes, lock: dict[str, bool] | None
) -> None:
    made = home.call("POST", "applications", {"displayName": NAME, "uniqueName": NAME, LOCK: lock})
    tasks.application(unique_name=NAME, property_lock=False)
    writes()
    planned = tasks.application(unique_name=NAME, check_mode=True)
    assert planned["diff"] == {"before": {"property_lock": False}, "after": {"property_lock": True}}
    assert writes() == []
    result = tasks.application(unique_name=NAME)
    assert (result["diff"], writes()) == (planned["diff"], [f"PATCH {made['id']}"])
    assert home.application()[LOCK] == WHOLE_LOCK
    assert tasks.application(unique_name=NAME)["changed"] is False


def test_a_lock_is_never_opened(tasks: Tasks, home: HomeTenant) -> None:
    tasks.application(unique_name=NAME)
    result = tasks.application(unique_name=NAME, property_lock=False)
    assert (result["changed"], result["application"]["property_lock"]) == (False, True)
    assert home.application()[LOCK] == WHOLE_LOCK


def test_without_the_lock_microsofts_own_default_holds(
    tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess
) -> None:
    planned = tasks.application(unique_name=NAME, property_lock=False, check_mode=True)
    assert planned["application"]["property_lock"] is None
    assert tasks.application(unique_name=NAME, property_lock=False)["application"]["property_lock"] is True
    emulator.control("PATCH", "application", {"lock_new_applications": False})
    unlocked = tasks.application(unique_name="other", property_lock=False)
    assert (unlocked["application"]["property_lock"], _failing(unlocked)) == (False, ["21777"])
    assert [item[LOCK] for item in home.applications()] == [WHOLE_LOCK, None]


def test_a_lock_that_the_registrar_has_no_right_to_set(tasks: Tasks, emulator: EmulatorProcess, writes: Writes) -> None:
    """It owns what it made, and not what somebody else did."""
    settled = {"app_id": emulator.client_id, "display_name": "Northwind SOC"}
    result = tasks.application(**settled)
    assert (result["failed"], result["changed"], result["who"]) == (True, False, "provider")
    assert "refused to set the property lock of the application" in result["msg"]
    assert f"make {emulator.registrar_client_id} an owner of the application" in result["msg"]
    assert "or set property_lock to false" in result["msg"]
    writes()
    assert tasks.application(**settled, property_lock=False)["failed"] is False
    assert writes() == []


def test_what_weakens_a_consent_is_remarked_upon(tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess) -> None:
    result = tasks.application(unique_name=NAME)
    assert result["application"]["owners"] == home.application()["owners"]
    assert [remark["about"] for remark in result["remarks"]] == ["verified_publisher"]
    assert "warnings" not in result
    sample = tasks.application(app_id=emulator.client_id, property_lock=False)
    assert (sample["application"]["owners"], sample["application"]["verified_publisher"]) == ([], "Northwind Security")
    assert [remark["about"] for remark in sample["remarks"]] == ["owners"]


def test_an_application_with_a_fresh_certificate_is_beyond_reproach(
    tasks: Tasks, home: HomeTenant, tmp_path: Any
) -> None:
    declared = {"unique_name": NAME, "redirect_uris": ["https://soc.example/consent-result"]}
    tasks.application(**declared)
    made = tasks.credential(unique_name=NAME, kind="certificate", name="ansible", dest=str(tmp_path / "soc.pem"))
    result = tasks.application(**declared)
    assert [(finding["test"], finding["passes"]) for finding in result["zero_trust"]] == [
        (test, True) for test in ("21772", "21773", "21992", "21777", "21885", "23183")
    ]
    home.move(made["credential"]["key_id"], starts_in=-181 * DAY)
    assert _failing(tasks.application(**declared)) == ["21992"]
    home.move(made["credential"]["key_id"], starts_in=0, ends_in=182 * DAY)
    assert _failing(tasks.application(**declared)) == ["21773"]


def test_secrets_and_addresses_that_the_tests_refuse(tasks: Tasks, home: HomeTenant) -> None:
    """A secret of the service principal counts as well, and one that has ended."""
    uris = ["https://soc.azurewebsites.net/x", "http://localhost/x"]
    home.call("POST", "applications", {"displayName": NAME, "uniqueName": NAME, LOCK: None})
    declared = {"unique_name": NAME, "redirect_uris": uris, "property_lock": False}
    app_id = tasks.application(**declared)["application"]["app_id"]
    assert _failing(tasks.application(**declared)) == ["21777", "21885", "23183"]
    planted = home.call("POST", f"servicePrincipals(appId='{app_id}')/addPassword", {})
    assert _failing(tasks.application(**declared)) == ["21772", "21777", "21885", "23183"]
    home.call("POST", f"servicePrincipals(appId='{app_id}')/removePassword", {"keyId": planted["keyId"]})
    made = tasks.credential(unique_name=NAME, kind="secret", name="ansible", expose_secret=True)
    home.move(made["credential"]["key_id"], starts_in=-2 * DAY, ends_in=-DAY)
    (finding,) = [each for each in tasks.application(**declared)["zero_trust"] if each["test"] == "21772"]
    assert (finding["passes"], made["credential"]["key_id"] in finding["what"]) == (False, True)


def test_nothing_of_this_takes_a_right_beyond_the_usual(tasks: Tasks, emulator: EmulatorProcess) -> None:
    emulator.control("PATCH", "registrar", {"roles": [OWNED_BY, READ]})
    result = tasks.application(unique_name=NAME, grant=False)
    assert (result["failed"], result["application"]["owners"] is None) == (False, False)
