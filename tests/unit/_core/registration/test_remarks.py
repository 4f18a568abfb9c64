# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.registration import remarks

NOBODY = {"displayName": None, "verifiedPublisherId": None}


def application(**changes: Any) -> Any:
    return {
        "signInAudience": "AzureADMultipleOrgs",
        "publisherDomain": "provider.example",
        "verifiedPublisher": {"displayName": "Provider Security"},
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "owners", "about"),
    [
        ({}, ["o1"], []),
        ({}, [], ["owners"]),
        ({"publisherDomain": None}, ["o1"], ["publisher_domain"]),
        ({"publisherDomain": ""}, ["o1"], ["publisher_domain"]),
        ({"publisherDomain": "Provider.OnMicrosoft.com"}, ["o1"], ["publisher_domain"]),
        ({"publisherDomain": "onmicrosoft.com.example"}, ["o1"], []),
        ({"verifiedPublisher": NOBODY}, ["o1"], ["verified_publisher"]),
        ({"verifiedPublisher": None}, ["o1"], ["verified_publisher"]),
        (
            {"verifiedPublisher": NOBODY, "publisherDomain": None},
            [],
            ["owners", "publisher_domain", "verified_publisher"],
        ),
        ({"verifiedPublisher": NOBODY, "publisherDomain": None, "signInAudience": "AzureADMyOrg"}, [], []),
    ],
)
def test_what_weakens_a_consent_is_remarked(changes: dict[str, Any], owners: list[str], about: list[str]) -> None:
    found = remarks.of(application(**changes), owners)
    assert [each["about"] for each in found] == about
    assert all(each["what"] and each["remedy"] for each in found)


def test_the_domain_that_customers_see_is_named() -> None:
    (remark,) = remarks.of(application(publisherDomain="provider.onmicrosoft.com"), ["o1"])
    assert "shows provider.onmicrosoft.com as the publisher's" in remark["what"]


def test_of_what_was_not_read_nothing_is_said() -> None:
    assert remarks.of({"signInAudience": "AzureADMultipleOrgs"}, None) == []


@pytest.mark.parametrize(
    ("verified", "name"), [({"displayName": "Provider Security"}, "Provider Security"), (NOBODY, None), (None, None)]
)
def test_the_verified_publisher_has_a_name(verified: Any, name: str | None) -> None:
    assert remarks.verified_publisher({"verifiedPublisher": verified}) == name
    assert remarks.verified_publisher({}) is None
