# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule of the tenant or of an application forbids, in the words of a refusal, and what to do instead.

Sources: learn.microsoft.com, "Configure restrictions on how applications can be configured" and "How to configure app
instance property lock in your applications"; the codes as seen in public reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_EXEMPT = "have an administrator exempt the application from the policy"
_POLICY = "an app management policy of this tenant"
_OF_A_POLICY = "AsPerAppPolicy"


@dataclass(frozen=True)
class Rule:
    """What is forbidden, as a sentence goes on after "forbids", by whom, and what to do instead."""

    forbidden: str
    remedy: str
    by: str = _POLICY

    @property
    def meaning(self) -> str:
        return f"{self.by} forbids {self.forbidden}"


SECRETS = Rule("client secrets", f"choose a certificate or a federated credential (option kind), or {_EXEMPT}")
LIFETIME = Rule("credentials that are good for so long", f"choose a shorter lifetime, or {_EXEMPT}")
AUDIENCE = Rule(
    "this sign_in_audience",
    "have an administrator exempt the application, or for a new one its registrar, from the policy, since customers can"
    " consent to AzureADMultipleOrgs alone",
)
_IDENTIFIER_URI = Rule(
    "this identifier URI", f"take api:// with the application's ID, or ask for version 2 tokens, or {_EXEMPT}"
)
_UNKNOWN = Rule("this", f"do as it says, or {_EXEMPT}")
_LOCKED = Rule(
    "to change this of a service principal",
    "add the credential to the application itself, or have its owner open the lock (App registrations, Authentication,"
    " App instance property lock)",
    by="the property lock of the application",
)

BY_CODE = {
    "CredentialTypeNotAllowedAsPerAppPolicy": SECRETS,
    "CredentialInvalidLifetimeAsPerAppPolicy": LIFETIME,
    "SignInAudienceNotAllowedAsPerAppPolicy": AUDIENCE,
    "InvalidUniqueTenantIdentifierAsPerAppPolicy": _IDENTIFIER_URI,
    "CannotUpdateLockedServicePrincipalProperty": _LOCKED,
    "CannotUpdateLockedServicePrincipalPropertyWithEnforcementScope": _LOCKED,
}
"""Microsoft Graph's code, of the error or of one of its details."""


def of(error: Mapping[str, object]) -> tuple[str, Rule] | None:
    """Return the code and the rule that a Graph error (`code`, `message`, `details`) names, or None."""
    details = error.get("details")
    named = [error, *(details if isinstance(details, list) else [])]
    codes = [str(item.get("code")) for item in named if isinstance(item, dict)]
    known = next((code for code in codes if code in BY_CODE), None)
    code = known or next((code for code in codes if code.endswith(_OF_A_POLICY)), None)
    return (code, BY_CODE.get(code, _UNKNOWN)) if code else None
