# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App management policies: read with the right to, and what is refused by them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import Caller, Graph, refusal
from .test_graph_credentials import Certificate

DEFAULT = "policies/defaultAppManagementPolicy"
READERS = ("Application.ReadWrite.OwnedBy", "Application.Read.All", "Policy.Read.All")
NO_TYPE = (400, "CredentialTypeNotAllowedAsPerAppPolicy")
TOO_LONG = (400, "CredentialInvalidLifetimeAsPerAppPolicy")
NO_AUDIENCE = (400, "SignInAudienceNotAllowedAsPerAppPolicy")
NO_SECRETS = {"restrictionType": "passwordAddition"}
SHORT_SECRETS = {"restrictionType": "passwordLifetime", "maxLifetime": "P30D"}
SHORT_KEYS = {"restrictionType": "asymmetricKeyLifetime", "maxLifetime": "P180D"}
PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def _forbid(emulator: EmulatorProcess, *passwords: object, **restrictions: object) -> None:
    """Let the default policy of the provider's tenant have these restrictions for applications."""
    of_applications = {"passwordCredentials": list(passwords), **restrictions}
    emulator.control("PUT", "policies", {"default": {"isEnabled": True, "applicationRestrictions": of_applications}})


def _in(days: float) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _asked(graph: Graph, application: dict[str, Any], **properties: object) -> tuple[int, str]:
    """What Graph answers when asked for a secret: a refusal, or 200 and nothing."""
    body = {"passwordCredential": {"displayName": "test", **properties}}
    answer = graph.call("POST", f"applications/{application['id']}/addPassword", body)
    return (200, "") if answer.ok else refusal(answer)


def test_nothing_is_forbidden_at_first(graph: Graph) -> None:
    graph.may(*READERS)
    policy = graph.expect(200, "GET", DEFAULT)
    assert (policy["id"], policy["isEnabled"]) == ("00000000-0000-0000-0000-000000000000", False)
    assert policy["applicationRestrictions"] == {"passwordCredentials": [], "keyCredentials": []}
    application = graph.application()
    assert graph.expect(200, "GET", f"applications/{application['id']}/appManagementPolicies")["value"] == []


def test_reading_policies_takes_a_right_of_its_own(graph: Graph) -> None:
    application = graph.application()
    denied = (403, "Authorization_RequestDenied")
    for path in (DEFAULT, f"applications/{application['id']}/appManagementPolicies"):
        assert refusal(graph.call("GET", path)) == denied


def test_no_secret_where_the_default_forbids_them(graph: Graph) -> None:
    _forbid(graph.emulator, NO_SECRETS)
    assert _asked(graph, graph.application()) == NO_TYPE


def test_a_secret_lives_no_longer_than_allowed(graph: Graph) -> None:
    """One without an end is meant to live for two years."""
    _forbid(graph.emulator, SHORT_SECRETS)
    application = graph.application()
    assert _asked(graph, application, endDateTime=_in(29)) == (200, "")
    assert _asked(graph, application, endDateTime=_in(31)) == TOO_LONG
    answer = graph.call("POST", f"applications/{application['id']}/addPassword", {})
    assert refusal(answer) == TOO_LONG
    error = answer.json()["error"]
    policy_id = graph.emulator.control("GET", "policies")["default"]["id"]
    assert policy_id in error["message"]
    assert [(detail["code"], detail["target"]) for detail in error["details"]] == [("InvalidKeyEndDate", "EndDate")]


def test_a_certificate_lives_no_longer_than_allowed(graph: Graph) -> None:
    before = Certificate()
    application = graph.application(keyCredentials=[before.credential()])
    path = f"applications/{application['id']}"
    _forbid(graph.emulator, keyCredentials=[SHORT_KEYS])
    known = graph.expect(200, "GET", f"{path}?$select=keyCredentials")["keyCredentials"]
    long, short = Certificate().credential(), Certificate().credential(endDateTime=_in(170))
    assert refusal(graph.call("PATCH", path, {"keyCredentials": [*known, long]})) == TOO_LONG
    proven = {"keyCredential": long, "proof": before.proof(application["id"])}
    assert refusal(graph.call("POST", f"{path}/addKey", proven)) == TOO_LONG
    body = {"displayName": "x", "keyCredentials": [long]}
    assert refusal(graph.call("POST", "applications", body)) == TOO_LONG
    graph.expect(204, "PATCH", path, {"keyCredentials": [*known, short]})


def test_no_audience_that_the_default_forbids(graph: Graph) -> None:
    single = graph.application(signInAudience="AzureADMyOrg")
    many = graph.application()
    _forbid(graph.emulator, audiences={"azureAdMultipleOrgs": {"state": "enabled"}})
    body = {"displayName": "x", "signInAudience": "AzureADMultipleOrgs"}
    answer = graph.call("POST", "applications", body)
    assert refusal(answer) == NO_AUDIENCE
    assert "AzureADMultipleOrgs" in answer.json()["error"]["message"]
    promotion = {"signInAudience": "AzureADMultipleOrgs"}
    assert refusal(graph.call("PATCH", f"applications/{single['id']}", promotion)) == NO_AUDIENCE
    graph.expect(204, "PATCH", f"applications/{many['id']}", promotion)
    graph.application(signInAudience="AzureADMyOrg")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"state": "disabled"}, (200, "")),
        ({"state": "enabled"}, NO_TYPE),
        ({"restrictForAppsCreatedAfterDateTime": PAST}, NO_TYPE),
        ({"restrictForAppsCreatedAfterDateTime": FUTURE}, (200, "")),
        ({"restrictForAppsCreatedAfterDateTime": None}, NO_TYPE),
    ],
)
def test_a_restriction_holds_by_its_state_and_date(
    graph: Graph, changes: dict[str, object], expected: tuple[int, str]
) -> None:
    _forbid(graph.emulator, {**NO_SECRETS, **changes})
    assert _asked(graph, graph.application()) == expected


def test_a_policy_that_is_off_forbids_nothing(graph: Graph) -> None:
    restrictions = {"passwordCredentials": [NO_SECRETS]}
    graph.emulator.control(
        "PUT", "policies", {"default": {"isEnabled": False, "applicationRestrictions": restrictions}}
    )
    assert _asked(graph, graph.application()) == (200, "")


def test_the_policy_of_an_application_counts_alone(graph: Graph) -> None:
    exempt, bound = graph.application(), graph.application()
    _forbid(graph.emulator, NO_SECRETS)
    own = {"restrictions": {"passwordCredentials": [SHORT_SECRETS]}}
    graph.emulator.control("PUT", "policies", {"applications": {exempt["appId"]: own}})
    assert _asked(graph, bound) == NO_TYPE
    assert _asked(graph, exempt) == TOO_LONG
    assert _asked(graph, exempt, endDateTime=_in(29)) == (200, "")
    graph.may(*READERS)
    (shown,) = graph.expect(200, "GET", f"applications/{exempt['id']}/appManagementPolicies")["value"]
    assert (shown["restrictions"], shown["isEnabled"]) == (own["restrictions"], True)
    graph.emulator.control("DELETE", "policies")
    assert _asked(graph, bound) == (200, "")


def test_service_principals_have_restrictions_of_their_own(graph: Graph) -> None:
    application = graph.application(servicePrincipalLockConfiguration=None)
    graph.expect(201, "POST", "servicePrincipals", {"appId": application["appId"]})
    of_principals = {"passwordCredentials": [NO_SECRETS]}
    default = {"isEnabled": True, "servicePrincipalRestrictions": of_principals}
    graph.emulator.control("PUT", "policies", {"default": default})
    answer = graph.call("POST", f"servicePrincipals(appId='{application['appId']}')/addPassword", {})
    assert refusal(answer) == NO_TYPE
    assert _asked(graph, application) == (200, "")


def test_policies_are_the_providers_and_are_kept(tmp_path: Path) -> None:
    arguments = ("--state", str(tmp_path / "state.sqlite"))
    with EmulatorProcess(tmp_path, *arguments) as emulator:
        _forbid(emulator, NO_SECRETS)
    with EmulatorProcess(tmp_path, *arguments) as emulator:
        graph = Graph(Caller(emulator))
        assert _asked(graph, graph.application()) == NO_TYPE
        emulator.control("POST", "tenants/contoso.example/consent", {"roles": ["Policy.Read.All"]})
        graph.sign_in("contoso", emulator.client_id, emulator.client_secret)
        assert graph.expect(200, "GET", DEFAULT)["isEnabled"] is False


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"tenant": {}}, "no 'tenant' to set"),
        ({"default": {"isEnabled": "yes"}}, "'isEnabled' cannot be 'yes'"),
        ({"default": {"applicationRestrictions": {"passwordCredentials": [7]}}}, "restrictionType"),
        ({"default": {"applicationRestrictions": {"passwordCredentials": [{**NO_SECRETS, "state": "on"}]}}}, "state"),
        (
            {"default": {"applicationRestrictions": {"keyCredentials": [{**SHORT_KEYS, "maxLifetime": "180d"}]}}},
            "P180D",
        ),
        (
            {"default": {"servicePrincipalRestrictions": {"audiences": {"azureAdMultipleOrgs": "no"}}}},
            "must be an object",
        ),
        ({"applications": {"some": {}}}, "must have restrictions"),
        (
            {"applications": {"some": {"restrictions": {"applicationRestrictions": {"audiences": 7}}}}},
            "audiences must be an object",
        ),
    ],
)
def test_control_of_policies_refuses_nonsense(graph: Graph, body: dict[str, object], told: str) -> None:
    with pytest.raises(AssertionError, match=": 400 ") as refused:
        graph.emulator.control("PUT", "policies", body)
    assert told in str(refused.value)
