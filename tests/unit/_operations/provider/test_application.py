# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from support.machine import Clock
from support.scripted_entra import CLIENT, OTHER_TENANT, TENANT, ScriptedEntra
from support.scripted_graph import (
    APP_ID,
    DENIED,
    DONE,
    OBJECT_ID,
    PRINCIPAL_ID,
    TENANTS_POLICY,
    UNIQUE_NAME,
    application,
    applications,
    by_key,
    refusal,
)
from support.scripted_registration import ASSIGNED_TO, NAMED, PRINCIPAL, PRINCIPALS, READ, ScriptedHome, asking
from support.scripted_server import NOT_FOUND, Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.identity.permissions import XDR
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import application as operation

REDIRECT = "https://soc.example/consent"
HUNT = "AdvancedHunting.Read.All"
LOCK = "servicePrincipalLockConfiguration"
WHOLE_LOCK = {
    "isEnabled": True,
    "allProperties": True,
    "credentialsWithUsageVerify": True,
    "credentialsWithUsageSign": True,
    "tokenEncryptionKeyId": True,
}


@pytest.fixture
def tenant(entra: ScriptedEntra, clock: Clock) -> ScriptedHome:
    assert clock.pauses == []
    return ScriptedHome(entra, operation.OPERATION)


def test_an_empty_tenant_gets_application_principal_and_grants(tenant: ScriptedHome) -> None:
    result = tenant.task(permissions={"xdr": [READ]}, display_name="Provider SOC")
    assert (result["failed"], result["changed"], result["added_permissions"]) == (False, True, {})
    assert result["application"] == {
        "app_id": APP_ID,
        "object_id": OBJECT_ID,
        "unique_name": UNIQUE_NAME,
        "display_name": "Provider SOC",
        "sign_in_audience": "AzureADMultipleOrgs",
        "redirect_uris": [],
        "property_lock": True,
        "permissions": {"xdr": [READ], "graph": []},
        "service_principal_id": PRINCIPAL_ID,
        "granted": {"xdr": [READ]},
        "owners": ["o1"],
        "notes": None,
        "publisher_domain": "provider.example",
        "verified_publisher": None,
        "home_tenant_id": TENANT,
        "cloud": "worldwide",
    }
    assert tenant.task.written() == [("PATCH", NAMED), ("POST", PRINCIPALS), ("POST", ASSIGNED_TO)]
    assert tenant.task.body("POST", ASSIGNED_TO)["principalId"] == PRINCIPAL_ID


def test_what_is_declared_is_what_is_created(tenant: ScriptedHome) -> None:
    tenant.task(permissions={"xdr": [READ]}, redirect_uris=[REDIRECT], sign_in_audience="AzureADMyOrg")
    assert tenant.task.body("PATCH", NAMED) == {
        "displayName": UNIQUE_NAME,
        "signInAudience": "AzureADMyOrg",
        "web": {"redirectUris": [REDIRECT]},
        "requiredResourceAccess": asking(READ),
        LOCK: WHOLE_LOCK,
    }


def test_a_second_run_changes_nothing(tenant: ScriptedHome) -> None:
    tenant.registers(READ, requiredResourceAccess=asking(READ), web={"redirectUris": [REDIRECT]})
    result = tenant.task(permissions={"xdr": [READ]}, redirect_uris=[REDIRECT], display_name="Provider SOC")
    assert (result["failed"], result["changed"]) == (False, False)
    assert "diff" not in result
    assert tenant.task.written() == []


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("before", [None, {"isEnabled": False, "allProperties": True}, {"isEnabled": True}])
def test_the_lock_is_set_where_it_is_not_whole(
    tenant: ScriptedHome, before: dict[str, bool] | None, check_mode: bool
) -> None:
    tenant.registers(**{LOCK: before})
    result = tenant.task(check_mode=check_mode)
    assert (result["changed"], result["application"]["property_lock"]) == (True, True)
    assert result["diff"] == {"before": {"property_lock": False}, "after": {"property_lock": True}}
    sent = tenant.server.requests_to(applications(), "PATCH")
    assert [request.json for request in sent] == ([] if check_mode else [{LOCK: WHOLE_LOCK}])


def test_a_lock_that_is_not_wanted_is_left_as_it_is_and_never_opened(tenant: ScriptedHome) -> None:
    created = tenant.task(property_lock=False)
    assert LOCK not in tenant.task.body("PATCH", NAMED)
    assert created["application"]["property_lock"] is True
    for before in (None, WHOLE_LOCK):
        tenant.registers(**{LOCK: before})
        result = tenant.task(property_lock=False)
        assert (result["changed"], result["application"]["property_lock"]) == (False, bool(before))
    assert [path for _method, path in tenant.task.written()] == [NAMED, PRINCIPALS]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (DENIED, f"the caller {CLIENT} lacks the right"),
        (refusal(400, "Request_BadRequest", "The lock is enforced by policy."), "The lock is enforced by policy"),
        (refusal(400, "LockNotAllowedAsPerAppPolicy"), "an app management policy of this tenant forbids this"),
        (
            refusal(400, "CannotUpdateLockedServicePrincipalPropertyWithEnforcementScope"),
            "the property lock of the application forbids",
        ),
    ],
    ids=["right", "policy", "policy by code", "enforced"],
)
def test_a_lock_that_is_forbidden_says_so_and_what_changed(tenant: ScriptedHome, answer: Answer, says: str) -> None:
    tenant.registers(**{LOCK: None})
    tenant.server.script(applications(), DONE, answer, method="PATCH")
    result = tenant.task(display_name="New")
    assert (result["failed"], result["changed"], result["who"]) == (True, True, "provider")
    assert "refused to set the property lock of the application" in result["msg"]
    assert says in result["msg"]
    assert "or set property_lock to false, which leaves the lock as it is" in result["remedy"]
    assert result["diff"] == {"before": {"display_name": "Provider SOC"}, "after": {"display_name": "New"}}


def test_a_cloud_that_knows_no_lock_says_how_to_do_without(tenant: ScriptedHome) -> None:
    tenant.server.script(NAMED, refusal(400, "Request_BadRequest", f"Invalid property '{LOCK}'."), method="PATCH")
    result = tenant.task()
    assert (result["failed"], result["changed"]) == (True, False)
    assert "or set property_lock to false" in result["msg"]
    tenant.server.script(NAMED, refusal(400, "Request_BadRequest", "Something else."), method="PATCH")
    assert "property_lock" not in tenant.task()["msg"]


FORBIDDING = {
    "displayName": "House rules",
    "isEnabled": True,
    "applicationRestrictions": {"audiences": {"azureAdMultipleOrgs": {"state": "enabled"}}},
}


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("found", [True, False], ids=["promotion", "creation"])
def test_an_audience_that_a_policy_forbids_is_refused_before_anything_is_made(
    tenant: ScriptedHome, found: bool, check_mode: bool
) -> None:
    tenant.server.script(TENANTS_POLICY, Answer(FORBIDDING))
    if found:
        tenant.registers(signInAudience="AzureADMyOrg")
        tenant.server.script(applications("/appManagementPolicies"), Answer({"value": []}))
    result = tenant.task(check_mode=check_mode, display_name="New")
    assert (result["failed"], result["changed"]) == (True, False)
    assert "'House rules' of this tenant forbids the sign_in_audience AzureADMultipleOrgs" in result["msg"]
    assert "provider: have an administrator exempt the application" in result["msg"]
    assert tenant.task.written() == []


def test_check_mode_plans_the_creation_and_writes_nothing(tenant: ScriptedHome) -> None:
    result = tenant.task(check_mode=True, permissions={"xdr": [READ]}, redirect_uris=[REDIRECT])
    assert (result["changed"], result["application"]["app_id"]) == (True, None)
    assert result["application"]["granted"] == {"xdr": [READ]}
    after = result["diff"]["after"]
    assert (after["unique_name"], after["redirect_uris"]) == (UNIQUE_NAME, [REDIRECT])
    assert (after["service_principal"], after["granted.xdr"]) == (True, [READ])
    assert tenant.task.written() == []


def test_a_permission_that_is_added_is_granted_and_customers_must_consent_again(tenant: ScriptedHome) -> None:
    tenant.registers(READ, requiredResourceAccess=asking(READ))
    planned = tenant.task(check_mode=True, permissions={"xdr": [READ, HUNT]})
    assert tenant.task.written() == []
    result = tenant.task(permissions={"xdr": [READ, HUNT]})
    assert tenant.task.body("PATCH", applications()) == {"requiredResourceAccess": asking(READ, HUNT)}
    assert tenant.task.body("POST", ASSIGNED_TO)["appRoleId"] == XDR.roles[HUNT]
    assert result["added_permissions"] == {"xdr": [HUNT]}
    assert f"customers who consented before must consent again, to {HUNT}" in result["msg"]
    both = sorted([READ, HUNT])
    assert result["diff"] == {
        "before": {"permissions.xdr": [READ], "granted.xdr": [READ]},
        "after": {"permissions.xdr": both, "granted.xdr": both},
    }
    assert planned == {**result, "msg": f"customers who consented before would have to consent again, to {HUNT}"}


def test_a_permission_that_is_no_longer_declared_is_taken_back(tenant: ScriptedHome) -> None:
    tenant.registers(READ, HUNT, requiredResourceAccess=asking(READ, HUNT))
    taken_back = f"{ASSIGNED_TO}/grant of {HUNT}".replace(" ", "%20")
    tenant.server.script(taken_back, DONE, method="DELETE")
    result = tenant.task(permissions={"xdr": [READ]})
    assert tenant.task.written() == [("PATCH", applications()), ("DELETE", taken_back)]
    assert (result["application"]["granted"], result["added_permissions"]) == ({"xdr": [READ]}, {})
    assert "msg" not in result


def test_an_api_that_is_left_out_keeps_its_permissions_and_grants(tenant: ScriptedHome) -> None:
    tenant.registers(READ, requiredResourceAccess=asking(READ, HUNT))
    result = tenant.task(permissions={"graph": []}, display_name="New")
    assert tenant.task.body("PATCH", applications()) == {"displayName": "New"}
    assert tenant.task.written() == [("PATCH", applications())]
    assert result["diff"] == {"before": {"display_name": "Provider SOC"}, "after": {"display_name": "New"}}


def test_granting_can_be_left_to_others(tenant: ScriptedHome) -> None:
    tenant.registers(HUNT, requiredResourceAccess=asking(READ))
    result = tenant.task(permissions={"xdr": [READ]}, grant=False)
    assert (result["changed"], result["application"]["granted"]) == (False, {"xdr": [HUNT]})
    assert tenant.task.written() == []


def test_an_application_of_somebody_else_is_adopted_and_gets_the_name(tenant: ScriptedHome) -> None:
    tenant.registers(uniqueName=None)
    tenant.server.script(NAMED, NOT_FOUND, method="GET")
    result = tenant.task(app_id=APP_ID.upper())
    assert tenant.task.body("PATCH", applications()) == {"uniqueName": UNIQUE_NAME}
    assert result["diff"] == {"before": {"unique_name": None}, "after": {"unique_name": UNIQUE_NAME}}
    assert result["application"]["unique_name"] == UNIQUE_NAME


def test_an_application_can_be_kept_by_its_id_alone(tenant: ScriptedHome) -> None:
    tenant.registers(uniqueName=None)
    result = tenant.task(app_id=APP_ID, unique_name=None)
    assert (result["changed"], result["application"]["unique_name"]) == (False, None)


def test_two_runs_at_the_same_moment_end_with_one_application(tenant: ScriptedHome) -> None:
    tenant.server.script(NAMED, DONE, method="PATCH")
    tenant.server.script(NAMED, NOT_FOUND, NOT_FOUND, Answer(application()), method="GET")
    tenant.server.script(PRINCIPAL, Answer({"id": PRINCIPAL_ID}))
    result = tenant.task()
    assert (result["changed"], result["application"]["app_id"]) == (True, APP_ID)
    assert tenant.task.written() == [("PATCH", NAMED)]


def test_an_application_that_another_run_made_and_nobody_can_read_is_told_as_that(tenant: ScriptedHome) -> None:
    tenant.server.script(NAMED, DONE, method="PATCH")
    result = tenant.task()
    assert result["failed"] is True
    assert "'provider-soc' was created by another run a moment ago, and cannot be read yet" in result["msg"]
    assert "raise settle_wait" in result["msg"]


def test_a_tenant_without_the_api_is_warned_of_and_asked_for_it_all_the_same(tenant: ScriptedHome) -> None:
    tenant.server.script(by_key("servicePrincipals", "appId", XDR.app_id), NOT_FOUND)
    result = tenant.task(permissions={"xdr": [READ]})
    assert result["application"]["granted"] == {"xdr": []}
    assert tenant.task.body("PATCH", NAMED)["requiredResourceAccess"] == asking(READ)
    assert tenant.task.warnings == [
        "this tenant has no Microsoft Threat Protection, so nothing of it can be granted here"
    ]


def test_no_right_to_grant_names_the_role_and_tells_what_changed_all_the_same(tenant: ScriptedHome) -> None:
    tenant.registers(requiredResourceAccess=asking())
    tenant.server.script(ASSIGNED_TO, DENIED, method="POST")
    result = tenant.task(permissions={"xdr": [READ]})
    assert (result["failed"], result["changed"], result["who"]) == (True, True, "provider")
    assert result["msg"].startswith(
        f"tenant {TENANT}: Microsoft Graph refused to grant an app role: the caller {CLIENT} lacks the right"
    )
    assert "grant AppRoleAssignment.ReadWrite.All" in result["remedy"]
    assert result["diff"] == {"before": {"permissions.xdr": []}, "after": {"permissions.xdr": [READ]}}
    assert (result["code"], "state" in result) == ("Authorization_RequestDenied", False)


def test_a_failure_before_any_change_has_changed_nothing(tenant: ScriptedHome) -> None:
    tenant.server.script(NAMED, DENIED, method="PATCH")
    result = tenant.task()
    assert (result["failed"], result["changed"]) == (True, False)
    assert "grant Application.ReadWrite.OwnedBy" in result["msg"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"uniqueName": "another-name"}, f"application {APP_ID} has the unique name 'another-name' already"),
        ({"appId": OTHER_TENANT}, f"the unique name 'provider-soc' belongs to application {OTHER_TENANT}"),
    ],
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_two_names_of_two_applications_are_refused(
    tenant: ScriptedHome, changes: dict[str, str], sentence: str, state: str
) -> None:
    tenant.registers(**changes)
    if "uniqueName" in changes:
        tenant.server.script(NAMED, NOT_FOUND, method="GET")
    result = tenant.task(app_id=APP_ID, state=state)
    assert result["failed"] is True
    assert f"app_id and unique_name name two applications: {sentence}" in result["msg"]
    assert tenant.task.written() == []


def test_an_application_of_another_tenant_is_told_from_one_that_is_nowhere(tenant: ScriptedHome) -> None:
    nowhere = tenant.task(app_id=APP_ID)
    assert f"application {APP_ID} is not registered in this tenant; provider: correct app_id" in nowhere["msg"]
    tenant.server.script(PRINCIPAL, Answer({"id": PRINCIPAL_ID, "appOwnerOrganizationId": OTHER_TENANT}))
    foreign = tenant.task(app_id=APP_ID)
    assert f"{APP_ID} is registered in tenant {OTHER_TENANT}, and is only used in this one" in foreign["msg"]
    assert tenant.task.written() == []


def test_an_application_is_deleted_and_told(tenant: ScriptedHome) -> None:
    tenant.registers()
    planned = tenant.task(check_mode=True, state="absent")
    assert tenant.task.written() == []
    result = tenant.task(state="absent")
    assert tenant.task.written() == [("DELETE", applications())]
    removed = {
        "app_id": APP_ID,
        "object_id": OBJECT_ID,
        "unique_name": UNIQUE_NAME,
        "display_name": "Provider SOC",
    }
    assert (result["changed"], result["removed"]) == (True, removed)
    assert result["diff"] == {"before": removed, "after": {}}
    assert result["msg"].startswith("removed application ")
    assert planned == {**result, "msg": f"would remove {result['msg'].removeprefix('removed ')}"}


def test_an_application_that_is_not_there_needs_no_deleting(tenant: ScriptedHome) -> None:
    assert tenant.task(state="absent") == {"changed": False, "failed": False, "removed": None}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"redirect_uris": ["http://soc.example"]}, "redirect_uris 'http://soc.example' must be https"),
        (
            {"redirect_uris": [REDIRECT, "https://*.example"]},
            "redirect_uris (17 characters, not shown) is not one that Entra accepts",
        ),
        (
            {"redirect_uris": [f"{REDIRECT}#a"]},
            "redirect_uris (29 characters, not shown) is not one that Entra accepts",
        ),
        (
            {"redirect_uris": ["https://x/" + "a" * 247]},
            "redirect_uris (257 characters, not shown) is not one that Entra accepts",
        ),
        ({"redirect_uris": ["soc"]}, "redirect_uris 'soc' is not a URL of plain ASCII with a host"),
        ({"app_id": "my app"}, "app_id 'my app' is not a GUID: "),
        ({"unique_name": "x" * 257}, "unique_name (257 characters, not shown) is too long, or has blanks around it"),
        ({"unique_name": " soc"}, "unique_name ' soc' is too long, or has blanks around it: choose a short name"),
        ({"tenant_id": "common"}, "tenant_id is 'common', which names no customer"),
        (
            {"client_id": None},
            (
                "client_id is missing: give the application (client) ID in the option, in the host's variable "
                "partner_access_registrar_client_id or in AZURE_CLIENT_ID"
            ),
        ),
        ({"client_secret": None}, "no credential is given: "),
        ({"graph_url": "http://localhost"}, "graph_url 'http://localhost' is not an https URL"),
        ({"timeout": 0}, "timeout is 0: it must be at least 1"),
    ],
)
def test_bad_input_is_refused_before_any_request(tenant: ScriptedHome, options: dict[str, Any], sentence: str) -> None:
    assert tenant.task.refusal(**options).startswith(sentence)
    assert tenant.server.requests == []


@pytest.mark.parametrize(
    ("permissions", "sentence"),
    [
        (
            {"xdr": ["Incidents.Read.All"]},
            "permissions.xdr: Microsoft Threat Protection has no application permission 'Incidents.Read.All': did you",
        ),
        ({"graph": ["User.Read"]}, "permissions.graph: 'User.Read' is a delegated permission of Microsoft Graph, for"),
        (
            {"xdr": [READ], "graph": [READ]},
            "permissions.graph: Microsoft Graph has no application permission 'Incident.",
        ),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_permission_the_api_does_not_publish_is_refused_before_any_change(
    tenant: ScriptedHome, permissions: dict[str, list[str]], sentence: str, check_mode: bool
) -> None:
    assert tenant.task.refusal(check_mode=check_mode, permissions=permissions).startswith(sentence)
    assert tenant.task.written() == []
