# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.app_policies import AppPolicies, Policy

DAY = 24 * 3600
CREATED = "2026-06-01T00:00:00Z"
NO_SECRETS = {"restrictionType": "passwordAddition", "state": "enabled"}
SHORT_SECRETS = {"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": "P30D"}
SHORT_KEYS = {"restrictionType": "asymmetricKeyLifetime", "state": "enabled", "maxLifetime": "P180D"}
NO_TENANTS = {"azureAdMultipleOrgs": {"state": "enabled"}}


def tenants(*passwords: Any, is_enabled: bool = True, **others: Any) -> Policy:
    """Return the policy of a tenant with these restrictions."""
    restrictions: Any = {"passwordCredentials": list(passwords), "keyCredentials": [], **others}
    return {"id": "p0", "displayName": "House rules", "isEnabled": is_enabled, "applicationRestrictions": restrictions}


def own(*passwords: Any, is_enabled: bool = True, **others: Any) -> Policy:
    """Return the policy of an application with these restrictions."""
    restrictions: Any = {"passwordCredentials": list(passwords), **others}
    return {"id": "p1", "displayName": None, "isEnabled": is_enabled, "restrictions": restrictions}


def refused(check: Callable[[Any], None], value: Any) -> str:
    with pytest.raises(TenantError) as error:
        check(value)
    assert error.value.reason.code is None
    return error.value.reason.sentence()


@pytest.mark.parametrize(
    "policies",
    [
        AppPolicies(None),
        AppPolicies(tenants()),
        AppPolicies({"isEnabled": True, "applicationRestrictions": None}),
        AppPolicies({"isEnabled": True, "applicationRestrictions": {"passwordCredentials": None, "audiences": None}}),
        AppPolicies(tenants(NO_SECRETS, is_enabled=False, keyCredentials=[SHORT_KEYS], audiences=NO_TENANTS)),
        AppPolicies(tenants(NO_SECRETS, keyCredentials=[SHORT_KEYS], audiences=NO_TENANTS), own(), CREATED),
        AppPolicies(tenants(NO_SECRETS), own(NO_SECRETS, is_enabled=False), CREATED),
    ],
    ids=["unread", "empty", "null", "nulls", "off", "own says nothing", "own is off"],
)
def test_where_nothing_is_forbidden_all_is_let_through(policies: AppPolicies) -> None:
    policies.check_secret(3650 * DAY)
    policies.check_certificate(3650 * DAY)
    policies.check_audience("AzureADMultipleOrgs")


def test_a_policy_against_secrets_names_what_to_take_instead() -> None:
    sentence = refused(AppPolicies(tenants(NO_SECRETS)).check_secret, DAY)
    assert sentence == (
        "the app management policy 'House rules' of this tenant forbids client secrets; provider: choose a certificate"
        " or a federated credential (option kind), or have an administrator exempt the application from the policy."
    )


@pytest.mark.parametrize(
    ("longest", "allowed", "shown"),
    [("P30D", 30 * DAY, "30d"), ("PT36H", 1.5 * DAY, "36h"), ("P1DT30M", DAY + 1800, "1470m"), ("PT90S", 90, "90 s")],
)
def test_a_lifetime_is_allowed_up_to_the_longest(longest: str, allowed: float, shown: str) -> None:
    policies = AppPolicies(tenants({**SHORT_SECRETS, "maxLifetime": longest}))
    policies.check_secret(allowed)
    sentence = refused(policies.check_secret, 180 * DAY)
    assert f"forbids client secrets that are good for more than {shown}, and 180d is asked for" in sentence
    assert "provider: choose a shorter lifetime" in sentence


def test_a_certificate_has_a_longest_lifetime_of_its_own() -> None:
    policies = AppPolicies(tenants(SHORT_SECRETS, keyCredentials=[SHORT_KEYS]))
    policies.check_certificate(180 * DAY)
    assert "certificates that are good for more than 180d, and 181d" in refused(policies.check_certificate, 181 * DAY)


@pytest.mark.parametrize("longest", [None, "", "P", "PT", "P1Y", "180d", "P-1D"])
def test_a_lifetime_that_cannot_be_read_is_left_to_the_service(longest: str | None) -> None:
    AppPolicies(tenants({**SHORT_SECRETS, "maxLifetime": longest})).check_secret(3650 * DAY)


@pytest.mark.parametrize(
    ("audience", "named"),
    [
        ("AzureADMultipleOrgs", "azureAdMultipleOrgs"),
        ("AzureADandPersonalMicrosoftAccount", "personalMicrosoftAccount"),
    ],
)
def test_a_policy_against_an_audience(audience: str, named: str) -> None:
    audiences = {named: {"state": "enabled"}, "other": None}
    policies = AppPolicies(tenants(audiences=audiences))
    sentence = refused(policies.check_audience, audience)
    assert f"forbids the sign_in_audience {audience}; provider: have an administrator exempt" in sentence
    policies.check_audience("AzureADMyOrg")
    of_application = AppPolicies(None, own(applicationRestrictions={"audiences": audiences}), CREATED)
    assert "policy 'p1'" in refused(of_application.check_audience, audience)


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"state": None}, True),
        ({"state": "disabled"}, False),
        ({"restrictForAppsCreatedAfterDateTime": None}, True),
        ({"restrictForAppsCreatedAfterDateTime": "0001-01-01T00:00:00Z"}, True),
        ({"restrictForAppsCreatedAfterDateTime": CREATED}, True),
        ({"restrictForAppsCreatedAfterDateTime": "2026-06-01T00:00:01Z"}, False),
        ({"restrictForAppsCreatedAfterDateTime": "some day"}, False),
        ({"excludeActors": {"customSecurityAttributes": [{"id": "Exempt"}]}}, False),
        ({"excludeActors": None}, True),
    ],
)
def test_a_restriction_holds_by_its_state_its_date_and_its_exemptions(changes: dict[str, Any], holds: bool) -> None:
    policies = AppPolicies(tenants({**NO_SECRETS, **changes}), None, CREATED)
    if holds:
        assert "forbids client secrets" in refused(policies.check_secret, DAY)
    else:
        policies.check_secret(DAY)


@pytest.mark.parametrize(("since", "holds"), [("2020-01-01T00:00:00Z", True), ("2999-01-01T00:00:00Z", False)])
def test_what_is_yet_to_be_registered_will_be_registered_now(since: str, holds: bool) -> None:
    policies = AppPolicies(tenants({**NO_SECRETS, "restrictForAppsCreatedAfterDateTime": since}))
    if holds:
        assert "forbids client secrets" in refused(policies.check_secret, DAY)
    else:
        policies.check_secret(DAY)


def test_the_policy_of_the_application_counts_in_place_of_the_tenants() -> None:
    stricter = AppPolicies(tenants(), own(NO_SECRETS), CREATED)
    assert "policy 'p1' of this tenant forbids client secrets" in refused(stricter.check_secret, DAY)
    AppPolicies(tenants(NO_SECRETS), own({**NO_SECRETS, "state": "disabled"}), CREATED).check_secret(DAY)
