# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.identity import policy_refusals, refusals

LOCKED = "CannotUpdateLockedServicePrincipalProperty"


def sentence(error: dict[str, Any]) -> str:
    return refusals.of_directory(400, {"error": error}, "add a secret", "Application.Read.All", "caller").sentence()


@pytest.mark.parametrize(
    ("code", "forbids", "remedy"),
    [
        ("CredentialTypeNotAllowedAsPerAppPolicy", "of this tenant forbids client secrets", "choose a certificate"),
        (
            "CredentialInvalidLifetimeAsPerAppPolicy",
            "credentials that are good for so long",
            "choose a shorter lifetime",
        ),
        ("SignInAudienceNotAllowedAsPerAppPolicy", "forbids this sign_in_audience", "administrator exempt"),
        ("InvalidUniqueTenantIdentifierAsPerAppPolicy", "forbids this identifier URI", "api://"),
        ("SomethingNewAsPerAppPolicy", "an app management policy of this tenant forbids this", "do as it says"),
        (LOCKED, "the property lock of the application forbids to change this", "App instance property lock"),
        (
            f"{LOCKED}WithEnforcementScope",
            "the property lock of the application forbids",
            "have its owner open the lock",
        ),
    ],
)
def test_a_code_is_explained_with_who_must_do_what(code: str, forbids: str, remedy: str) -> None:
    said = "As per assigned policy 'p1'."
    for error in (
        {"code": code, "message": said},
        {"code": "Request_BadRequest", "message": said, "details": [{"code": "Other"}, {"code": code}]},
    ):
        told = sentence(error)
        assert told.startswith("Microsoft Graph refused to add a secret, because ")
        assert forbids in told
        assert f"As per assigned policy 'p1' ({code}); provider: " in told
        assert remedy in told.partition("provider: ")[2]


def test_without_a_sentence_of_microsofts_ours_is_whole() -> None:
    assert "forbids client secrets (CredentialType" in sentence({"code": "CredentialTypeNotAllowedAsPerAppPolicy"})


@pytest.mark.parametrize(
    "error",
    [
        {},
        {"code": "Request_BadRequest"},
        {"code": None, "details": None},
        {"code": "Request_BadRequest", "details": ["CredentialTypeNotAllowedAsPerAppPolicy", {"code": 7}]},
    ],
)
def test_other_refusals_name_no_rule(error: dict[str, Any]) -> None:
    assert policy_refusals.of(error) is None
