# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody is signed in: whether the token is one to register applications with, and why there is none.

Sources: learn.microsoft.com, "Microsoft Entra authentication and authorization error codes" and "Microsoft identity
platform and the OAuth 2.0 device authorization grant flow"; public reports for the codes of policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import errors
from ..errors import Reason, TenantError
from . import claims, refusals

SCOPES = ("Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All")
"""The delegated permissions of Microsoft Graph that registering and granting takes."""

_POLICY = (
    "a policy of the tenant (Conditional Access) blocks this way to sign in",
    "exempt it from the policy, or sign in another way: set auth to cli, device_code or application",
)
_AGAIN = ("the sign-in has run out, or a policy asks for a new one", "{again}")
_NO_MEMBER = ("who is signed in does not belong to this tenant", "{again}")
_MEANINGS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        (
            *("AADSTS53000", "AADSTS53001", "AADSTS53002", "AADSTS53003", "AADSTS53004", "AADSTS530003"),
            *("AADSTS530032", "AADSTS530035", "AADSTS530036"),
        ),
        _POLICY,
    ),
    **dict.fromkeys(("AADSTS50020", "AADSTS90072", "AADSTS50034"), _NO_MEMBER),
    **dict.fromkeys(
        (
            *("AADSTS50072", "AADSTS50074", "AADSTS50076", "AADSTS50078", "AADSTS50079", "AADSTS50132", "AADSTS50173"),
            *("AADSTS70043", "AADSTS70044", "AADSTS700082", "AADSTS700084"),
        ),
        _AGAIN,
    ),
    "AADSTS65001": ("nobody has consented to what this program asks for", "{again}, and accept what the page asks for"),
    "AADSTS65002": (
        "Microsoft lets this program not ask for what registering takes",
        "set sign_in_client_id to another program, or sign in another way",
    ),
    "authorization_declined": ("the sign-in was declined in the browser", "{again}, and choose Continue"),
    "bad_verification_code": ("Entra ID does not know the device code any more", "{again}"),
}


def refused(reply: Mapping[str, object], again: str) -> Reason:
    """Return the reason for an OAuth error body. `again` is what to do in order to sign in anew."""
    reason = refusals.of_token_endpoint(reply)
    error = reply.get("error")
    known = _MEANINGS.get(error if isinstance(error, str) else "") or _MEANINGS.get(reason.code or "")
    if known:
        meaning, remedy = known
        return replace(
            reason, state=errors.ERROR, meaning=meaning, remedy=remedy.format(again=again), who=errors.PROVIDER
        )
    if reason.acts == errors.NOBODY:
        return reason
    return replace(reason, remedy=again, who=errors.PROVIDER)


def check(token: str, tenant_guid: str, again: str) -> None:
    """Raise TenantError for the token of another tenant, or one that lacks a scope. An opaque token tells neither.

    An application can be signed in as well: what it may do, Microsoft Graph says.
    """
    found = claims.read(token)
    if found is None:
        return
    if found.tenant_id != tenant_guid:
        raise TenantError(no_token(f"it is signed in to tenant {found.tenant_id or 'none'}, not to this one", again))
    missing = [scope for scope in SCOPES if scope not in found.scopes] if found.is_users else []
    if missing:
        names = " and ".join(missing)
        raise TenantError(no_token(f"its token lacks {names} (scp)", f"{again}, and consent to {names}"))


def no_token(meaning: str, remedy: str) -> Reason:
    """Return the reason where signing in did not come to a token that can be used."""
    return Reason(errors.ERROR, meaning, remedy, who=errors.PROVIDER)
