# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App management policies: what the tenant forbids of an application, known before it is asked for.

Only what is certain is refused here, and the rest is left to the service: a restriction with exempt callers, which the
registrar may be one of; and whatever the application's own policy does not name, because Microsoft says that it then
inherits nothing. Sources: learn.microsoft.com, "tenantAppManagementPolicy resource type", "appManagementPolicy resource
type", "Azure AD application authentication methods API overview", "audiencesConfiguration resource type".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypedDict

from .. import errors, timestamps
from ..errors import Reason, TenantError
from ..identity import policy_refusals
from ..identity.policy_refusals import Rule
from ..waiting import clock

_DURATION = re.compile(r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})(?:\.\d+)?S)?)?", re.ASCII)
_RESTRICTED_AUDIENCES = {
    "AzureADMultipleOrgs": "azureAdMultipleOrgs",
    "AzureADandPersonalMicrosoftAccount": "personalMicrosoftAccount",
}
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


class Restriction(TypedDict, total=False):
    """One restriction. `maxLifetime` is an ISO 8601 duration, `state` is `enabled` or `disabled`."""

    restrictionType: str
    state: str
    maxLifetime: str | None
    restrictForAppsCreatedAfterDateTime: str | None
    excludeActors: object


class Restrictions(TypedDict, total=False):
    """What is restricted; `applicationRestrictions` holds the audiences in the policy of an application."""

    passwordCredentials: list[Restriction] | None
    keyCredentials: list[Restriction] | None
    audiences: dict[str, Restriction | None] | None
    applicationRestrictions: Restrictions | None


class Policy(TypedDict, total=False):
    """The tenant's policy (`applicationRestrictions`), or that of an application (`restrictions`)."""

    id: str
    displayName: str | None
    isEnabled: bool
    applicationRestrictions: Restrictions | None
    restrictions: Restrictions | None


@dataclass(frozen=True)
class AppPolicies:
    """The tenant's policy and the application's own, each None where there is none or it cannot be read.

    `created_at` is when the application was registered, None for one that is yet to be. Methods raise TenantError for
    what the policies forbid.
    """

    default: Policy | None
    own: Policy | None = None
    created_at: str | None = None

    def check_secret(self, lifetime: float) -> None:
        """Refuse a client secret good for so many seconds."""
        restrictions = self._restrictions.get("passwordCredentials")
        if self._holds(_of_kind(restrictions, "passwordAddition")):
            raise self._refusal(policy_refusals.SECRETS)
        self._check_lifetime("client secrets", _of_kind(restrictions, "passwordLifetime"), lifetime)

    def check_certificate(self, lifetime: float) -> None:
        """Refuse a certificate good for so many seconds."""
        restriction = _of_kind(self._restrictions.get("keyCredentials"), "asymmetricKeyLifetime")
        self._check_lifetime("certificates", restriction, lifetime)

    def check_audience(self, audience: str) -> None:
        """Refuse a `signInAudience` that the application does not have yet."""
        restrictions = self._restrictions
        of_applications = restrictions.get("applicationRestrictions") if self.own else restrictions
        audiences = (of_applications or {}).get("audiences") or {}
        if self._holds(audiences.get(_RESTRICTED_AUDIENCES.get(audience, ""))):
            raise self._refusal(replace(policy_refusals.AUDIENCE, forbidden=f"the sign_in_audience {audience}"))

    @property
    def _restrictions(self) -> Restrictions:
        found = self.own.get("restrictions") if self.own else (self.default or {}).get("applicationRestrictions")
        return found or {}

    def _check_lifetime(self, what: str, restriction: Restriction | None, lifetime: float) -> None:
        longest = _seconds(restriction.get("maxLifetime")) if restriction and self._holds(restriction) else None
        if longest is not None and lifetime > longest:
            forbidden = f"{what} that are good for more than {_written(longest)}, and {_written(lifetime)} is asked for"
            raise self._refusal(replace(policy_refusals.LIFETIME, forbidden=forbidden))

    def _holds(self, restriction: Restriction | None) -> bool:
        """Tell whether a restriction certainly holds for this application and this caller."""
        policy = self.own or self.default
        if restriction is None or not policy or not policy.get("isEnabled"):
            return False
        created = timestamps.ticks(self.created_at) if self.created_at else clock.time() * timestamps.TICKS_PER_SECOND
        since = restriction.get("restrictForAppsCreatedAfterDateTime")
        begins = timestamps.ticks_or_none(since) if since else timestamps.FIRST
        is_of_its_time = begins is not None and created >= begins
        return restriction.get("state") != "disabled" and is_of_its_time and not restriction.get("excludeActors")

    def _refusal(self, rule: Rule) -> TenantError:
        policy = self.own or self.default or {}
        name = policy.get("displayName") or policy.get("id")
        by = f"the app management policy '{name}' of this tenant"
        return TenantError(Reason(errors.ERROR, replace(rule, by=by).meaning, rule.remedy))


def _of_kind(restrictions: list[Restriction] | None, kind: str) -> Restriction | None:
    return next((each for each in restrictions or [] if each.get("restrictionType") == kind), None)


def _seconds(duration: str | None) -> float | None:
    """Return the seconds of an ISO 8601 duration as Graph writes one, None for another text."""
    match = _DURATION.fullmatch(duration or "")
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()


def _written(seconds: float) -> str:
    """Return a duration as options have it, in the largest unit that is a whole number."""
    return next((f"{seconds / size:g}{unit}" for size, unit in _UNITS if seconds % size == 0), f"{seconds:g} s")
