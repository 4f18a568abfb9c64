# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from support.scripted_graph import credential

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.registration import zero_trust
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.zero_trust import Finding

DAY = 24 * 3600
NOON = timestamps.ticks("2026-11-30T12:00:00Z") / timestamps.TICKS_PER_SECOND
TESTS = ["21772", "21773", "21992", "21777", "21885", "23183"]
LOCK = "servicePrincipalLockConfiguration"


def application(**changes: Any) -> Any:
    """Return an application that passes all tests, but for `changes`."""
    return {
        "signInAudience": "AzureADMultipleOrgs",
        "web": {"redirectUris": ["https://soc.example/consent"]},
        "spa": {"redirectUris": []},
        "publicClient": None,
        LOCK: {"isEnabled": True},
        "passwordCredentials": [],
        "keyCredentials": [],
        **changes,
    }


def principal(**changes: Any) -> Any:
    return {
        "id": "s1",
        "replyUrls": ["https://soc.example/consent"],
        "passwordCredentials": [],
        "keyCredentials": [],
        **changes,
    }


def certificate(begins: float, ends: float) -> dict[str, Any]:
    """Return a certificate good from and to so many days from noon."""
    days = {"startDateTime": begins, "endDateTime": ends}
    dates = {name: timestamps.render_seconds(NOON + day * DAY) for name, day in days.items()}
    return {"keyId": "c1", "displayName": "ansible", **dates}


def found(test: str, registered: Any, own: Any) -> Finding:
    findings = {each["test"]: each for each in zero_trust.assess(registered, own, NOON)}
    return findings[test]


def test_an_application_beyond_reproach_passes_all_tests() -> None:
    findings = zero_trust.assess(application(), principal(), NOON)
    assert [each["test"] for each in findings] == TESTS
    assert {(each["passes"], each["remedy"]) for each in findings} == {(True, None)}


@pytest.mark.parametrize("on_principal", [False, True], ids=["application", "service principal"])
def test_any_secret_fails_an_expired_one_too(on_principal: bool) -> None:
    secrets = {"passwordCredentials": [credential("k1", "old", -300, -100)]}
    registered, own = (application(), principal(**secrets)) if on_principal else (application(**secrets), principal())
    finding = found("21772", registered, own)
    assert (finding["passes"], finding["what"]) == (False, "it has client secrets, expired ones included: 'old' (k1)")
    assert "certificate" in str(finding["remedy"])


@pytest.mark.parametrize(
    ("begins", "ends", "failing"),
    [
        (0, 180, []),
        (-180, 0, []),
        (-180.4, 180.4, []),
        (0, 181, ["21773"]),
        (-181, 10, ["21992"]),
        (-400, -300, ["21992"]),
        (-200, 365, ["21773", "21992"]),
    ],
)
@pytest.mark.parametrize("on_principal", [False, True], ids=["application", "service principal"])
def test_certificates_are_judged_by_days(begins: float, ends: float, failing: list[str], on_principal: bool) -> None:
    keys = {"keyCredentials": [certificate(begins, ends)]}
    registered, own = (application(), principal(**keys)) if on_principal else (application(**keys), principal())
    findings = zero_trust.assess(registered, own, NOON)
    assert [each["test"] for each in findings if not each["passes"]] == failing
    assert all("'ansible' (c1)" in each["what"] for each in findings if not each["passes"])


@pytest.mark.parametrize(
    ("audience", "lock", "passes"),
    [
        ("AzureADMultipleOrgs", None, False),
        ("AzureADMultipleOrgs", {"isEnabled": False, "allProperties": True}, False),
        ("AzureADMultipleOrgs", {"isEnabled": True, "allProperties": False}, True),
        ("AzureADandPersonalMicrosoftAccount", None, False),
        ("AzureADMyOrg", None, True),
    ],
)
def test_the_lock_is_asked_for_where_many_tenants_use_the_application(
    audience: str, lock: dict[str, bool] | None, passes: bool
) -> None:
    finding = found("21777", application(signInAudience=audience, **{LOCK: lock}), principal())
    assert (finding["passes"], finding["remedy"]) == (passes, None if passes else "set property_lock to true")
    assert ("property lock is on" in finding["what"]) is bool(lock and lock["isEnabled"])


@pytest.mark.parametrize(
    ("uri", "passes"),
    [
        ("https://soc.example/azurewebsites.net", True),
        ("https://notazurewebsites.net/x", True),
        ("https://soc.azurewebsites.net/x", False),
        ("https://SOC.AzureWebsites.NET/x", False),
        ("https://bit.ly/x", False),
        ("https://localhost:8443/x", False),
        ("http://localhost/x", False),
        ("http://127.0.0.1/x", False),
        ("https://[::1]/x", False),
        ("https://*.soc.example/x", False),
        ("http://soc.example/x", False),
        ("https://[soc", False),
    ],
)
@pytest.mark.parametrize("place", ["web", "spa", "publicClient", "replyUrls"])
def test_redirect_uris_that_lead_astray(uri: str, passes: bool, place: str) -> None:
    changes = {place: {"redirectUris": ["https://soc.example/y", uri]}}
    registered, own = (
        (application(), principal(replyUrls=[uri])) if place == "replyUrls" else (application(**changes), principal())
    )
    for test in ("21885", "23183"):
        finding = found(test, registered, own)
        assert finding["passes"] is passes
        assert passes or finding["what"] == f"redirect URIs are unsafe: {uri}"


def test_what_was_not_read_passes_no_test() -> None:
    assert [each["passes"] for each in zero_trust.assess({}, None, NOON)] == [None] * len(TESTS)
    without = zero_trust.assess(application(), None, NOON)
    assert {each["test"]: (each["passes"], each["what"]) for each in without} == {
        **dict.fromkeys(TESTS, (None, "not read")),
        "21777": (True, "its property lock is on"),
    }
    half = found("21772", application(), {"id": "s1"})
    assert (half["passes"], half["what"]) == (None, "not read")


def test_what_fails_fails_although_the_rest_was_not_read() -> None:
    secrets = [credential("k1", "ansible", -1, 100)]
    assert found("21772", application(passwordCredentials=secrets), None)["passes"] is False
