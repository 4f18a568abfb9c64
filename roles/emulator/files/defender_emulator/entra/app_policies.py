# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App management policies: what the provider's tenant forbids of its applications and service principals.

The tenant has a default policy, which is off at first. An application can be given a policy of its own, which then
counts alone. Who is exempt (``excludeActors``) is not looked at.
Sources: learn.microsoft.com, tenantappmanagementpolicy, appmanagementpolicy, applicationauthenticationmethodpolicy.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from defender_emulator import timestamps
from defender_emulator.entra.applications import Application
from defender_emulator.entra.tenants import Tenant, derive_id
from defender_emulator.json_text import JsonObject
from defender_emulator.store import Store

STORED_KIND = "app_policy"
PASSWORDS, KEYS, AUDIENCES = "passwordCredentials", "keyCredentials", "audiences"

_DEFAULT = "default"
_UNSET: JsonObject = {
    "id": "00000000-0000-0000-0000-000000000000",
    "displayName": "Default app management tenant policy",
    "description": "Default tenant policy that enforces app management restrictions on applications and service "
    "principals. To apply policy to targeted resources, create a new policy under appManagementPolicies collection.",
    "isEnabled": False,
    "applicationRestrictions": {PASSWORDS: [], KEYS: []},
    "servicePrincipalRestrictions": {PASSWORDS: [], KEYS: []},
}
_DURATION = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,5})S)?)?")


@dataclass(frozen=True)
class Rule:
    """A restriction that holds; ``longest`` is a lifetime in ticks, None where it is about something else."""

    policy_id: str
    longest: int | None


class AppPolicies:
    """The default policy of ``home`` and those of applications, kept in the store."""

    def __init__(self, store: Store, home: Tenant) -> None:
        self._store = store
        self._home = home
        self._policies: dict[str, JsonObject] = store.all(STORED_KIND)

    def default(self, tenant: Tenant) -> JsonObject:
        """The policy of a tenant. No customer has set one."""
        return {**_UNSET, **(self._policies.get(_DEFAULT, {}) if tenant is self._home else {})}

    def own(self, client_id: str) -> JsonObject | None:
        """The policy that was given to one application."""
        return self._policies.get(client_id)

    def all_own(self) -> dict[str, JsonObject]:
        """Every policy that was given to one application, by its client id."""
        return {client_id: policy for client_id, policy in self._policies.items() if client_id != _DEFAULT}

    def set_default(self, policy: JsonObject) -> None:
        """Make the tenant's policy this one."""
        self._put(_DEFAULT, {"id": derive_id("app policy"), **policy})

    def set_own(self, client_id: str, policy: JsonObject) -> None:
        """Give an application a policy of its own."""
        made_up = {"id": derive_id("app policy", client_id), "displayName": "Custom policy", "isEnabled": True}
        self._put(client_id, {**made_up, **policy})

    def clear(self) -> None:
        """Let the tenant forbid nothing."""
        self._policies.clear()
        self._store.clear(STORED_KIND)

    def rule(
        self, tenant: Tenant, application: Application | None, group: str, kind: str, on_principal: bool = False
    ) -> Rule | None:
        """The rule of that kind for an application (None: a new one), or for its service principal, if one holds."""
        own = self.own(application.client_id) if application and tenant is self._home else None
        policy = own or self.default(tenant)
        if own:
            restrictions = own["restrictions"]
            inner = restrictions.get("applicationRestrictions") or {}
            found = (inner if group == AUDIENCES else restrictions).get(group)
        else:
            of_tenant = "servicePrincipalRestrictions" if on_principal else "applicationRestrictions"
            found = (policy[of_tenant] or {}).get(group)
        restriction = _of_kind(found, kind)
        created_at = application.created_at if application else time.time()
        if not policy["isEnabled"] or restriction is None or not _holds(restriction, created_at):
            return None
        longest = restriction.get("maxLifetime")
        return Rule(policy["id"], duration(longest) if longest else None)

    def _put(self, key: str, policy: JsonObject) -> None:
        self._policies[key] = policy
        self._store.put(STORED_KIND, key, policy)


def duration(text: str) -> int:
    """Ticks of an ISO 8601 duration as Graph writes one, such as P180D. ValueError when it is none."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"'{text}' is not a duration such as P180D")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * timestamps.SECOND


def _of_kind(found: object, kind: str) -> JsonObject | None:
    """Audiences are named members, other restrictions a list."""
    if isinstance(found, dict):
        return found.get(kind)
    restrictions: list[JsonObject] = found if isinstance(found, list) else []
    return next((one for one in restrictions if one["restrictionType"] == kind), None)


def _holds(restriction: JsonObject, created_at: float) -> bool:
    since = restriction.get("restrictForAppsCreatedAfterDateTime")
    is_met = since is None or int(created_at) * timestamps.SECOND >= timestamps.read(since)
    return restriction.get("state", "enabled") == "enabled" and is_met
