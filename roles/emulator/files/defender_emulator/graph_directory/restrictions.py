# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Graph refuses by an app management policy or a property lock. Codes and sentences as seen in public reports."""

from __future__ import annotations

from collections.abc import Iterable

from defender_emulator import timestamps
from defender_emulator.entra.app_policies import AUDIENCES, KEYS, PASSWORDS, Rule
from defender_emulator.entra.applications import Application
from defender_emulator.entra.documents import KeyCredential, PasswordCredential
from defender_emulator.entra.property_lock import is_locked
from defender_emulator.graph_directory.calls import Call
from defender_emulator.graph_errors import GraphError

_RESTRICTED_AUDIENCES = {
    "AzureADMultipleOrgs": "azureAdMultipleOrgs",
    "AzureADandPersonalMicrosoftAccount": "personalMicrosoftAccount",
    "PersonalMicrosoftAccount": "personalMicrosoftAccount",
}


def check_audience(call: Call, application: Application | None, audience: str) -> None:
    """Refuse (400) an audience that the policies forbid an application, which is None while it is new."""
    restricted = _RESTRICTED_AUDIENCES.get(audience)
    if restricted and call.directory.app_policies.rule(call.tenant, application, AUDIENCES, restricted):
        message = f"'signInAudience' property value '{audience}' is not allowed."
        raise GraphError(400, "SignInAudienceNotAllowedAsPerAppPolicy", message)


def check_secret(call: Call, application: Application, entry: PasswordCredential, on_principal: bool = False) -> None:
    """Refuse (400) a secret that the policies forbid, or that is to live for longer than they allow."""
    policies = call.directory.app_policies
    if rule := policies.rule(call.tenant, application, PASSWORDS, "passwordAddition", on_principal):
        message = f"Credential type is not allowed as per assigned policy '{rule.policy_id}'."
        raise GraphError(400, "CredentialTypeNotAllowedAsPerAppPolicy", message)
    if rule := policies.rule(call.tenant, application, PASSWORDS, "passwordLifetime", on_principal):
        _check_lifetime(rule, entry)


def check_certificates(call: Call, application: Application | None, entries: Iterable[KeyCredential]) -> None:
    """Refuse (400) certificates of which a new one is to live for longer than the policies allow."""
    rule = call.directory.app_policies.rule(call.tenant, application, KEYS, "asymmetricKeyLifetime")
    known = {entry["keyId"] for entry in application.document["keyCredentials"]} if application else set()
    for entry in entries:
        if rule and entry["keyId"] not in known:
            _check_lifetime(rule, entry)


def check_lock(application: Application | None, name: str) -> None:
    """Refuse (400) to change that property of a service principal whose application locks it."""
    if is_locked(application, name):
        raise GraphError(400, "CannotUpdateLockedServicePrincipalProperty", f"Property {name} is invalid.")


def _check_lifetime(rule: Rule, entry: KeyCredential | PasswordCredential) -> None:
    lifetime = timestamps.read(entry["endDateTime"]) - timestamps.read(entry["startDateTime"])
    if rule.longest is not None and lifetime > rule.longest:
        message = f"Credential lifetime exceeds the max value allowed as per assigned policy '{rule.policy_id}'."
        detail = {"code": "InvalidKeyEndDate", "message": message, "target": "EndDate"}
        raise GraphError(400, "CredentialInvalidLifetimeAsPerAppPolicy", message, [detail])
