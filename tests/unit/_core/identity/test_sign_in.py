# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import jwt
import pytest
from support.scripted_entra import TENANT

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import aadsts, sign_in

AGAIN = "sign in anew"
KEY = "only a key, for tokens that nobody verifies here"


def token(**claims: Any) -> str:
    return jwt.encode({"tid": TENANT, **claims}, KEY)


def said(code: int, text: str = "", error: str = "invalid_grant") -> dict[str, Any]:
    return {"error": error, "error_description": f"AADSTS{code}: {text}"}


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (said(53003), "a policy of the tenant"),
        (said(700082), "the sign-in has run out"),
        (said(50076), "the sign-in has run out"),
        (said(50020), "who is signed in does not belong"),
        (said(65002), "Microsoft lets this program not ask"),
        (said(16000), "the token endpoint answered invalid_grant"),
        # as the Azure CLI prints it, without an OAuth error
        (
            {"error_description": "ERROR: AADSTS50173: The provided grant has expired.\naz login"},
            "the sign-in has run out",
        ),
    ],
)
def test_a_refusal_is_for_the_provider_and_quotes_nothing(reply: dict[str, Any], meaning: str) -> None:
    reason = sign_in.refused(reply, AGAIN)
    assert reason.meaning.startswith(meaning)
    assert reason.acts == errors.PROVIDER
    assert reason.code
    assert reason.code.startswith("AADSTS")
    assert "grant has expired" not in reason.sentence()


@pytest.mark.parametrize("code", sorted(aadsts.BY_CODE))
def test_nobody_at_home_is_sent_to_a_customer(code: int) -> None:
    reason = sign_in.refused(said(code), AGAIN)
    assert reason.acts in (errors.PROVIDER, errors.NOBODY)
    assert "consent link" not in reason.remedy


def test_a_fault_that_passes_stays_one() -> None:
    reason = sign_in.refused(said(90033), AGAIN)
    assert (reason.state, reason.acts, reason.remedy) == (errors.UNREACHABLE, errors.NOBODY, "run again later")


def test_a_token_that_will_do() -> None:
    sign_in.check(token(scp=" ".join((*sign_in.SCOPES, "User.Read"))), TENANT, AGAIN)
    sign_in.check("opaque", TENANT, AGAIN)


def test_an_application_that_is_signed_in_is_judged_by_microsoft_graph() -> None:
    sign_in.check(token(roles=["Application.ReadWrite.OwnedBy"], idtyp="app"), TENANT, AGAIN)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"scp": "User.Read"}, "lacks Application.ReadWrite.All and AppRoleAssignment.ReadWrite.All (scp)"),
        ({"scp": ""}, "lacks Application.ReadWrite.All and AppRoleAssignment.ReadWrite.All (scp)"),
        ({"idtyp": "user"}, "lacks Application.ReadWrite.All"),
        ({"tid": "other", "scp": " ".join(sign_in.SCOPES)}, "it is signed in to tenant other, not to this one"),
        ({"tid": ""}, "it is signed in to tenant none, not to this one"),
    ],
)
def test_a_token_that_will_not_do(claims: dict[str, Any], words: str) -> None:
    with pytest.raises(TenantError) as failed:
        sign_in.check(token(**claims), TENANT, AGAIN)
    assert words in failed.value.reason.meaning
    assert failed.value.reason.remedy.startswith(AGAIN)
