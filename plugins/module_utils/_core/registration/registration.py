# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application as declared against the application as registered: what differs, and nothing else, is changed.

Source: learn.microsoft.com, "application resource type" (PATCH replaces each collection it names).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..identity.permissions import APIS, Api

AUDIENCES = ("AzureADMultipleOrgs", "AzureADMyOrg", "AzureADandPersonalMicrosoftAccount")

_ROLE = "Role"


@dataclass(frozen=True)
class Declared:
    """What the operator wants of an application; None is a field that is left as it is.

    `roles` are the ids of app roles by API and name: all that the application is to ask of that API.
    """

    display_name: str | None
    sign_in_audience: str
    redirect_uris: list[str] | None
    roles: Mapping[str, Mapping[str, str]]


def creation(unique_name: str, declared: Declared) -> dict[str, Any]:
    """Return the body that creates the application."""
    body: dict[str, Any] = {
        "displayName": declared.display_name or unique_name,
        "signInAudience": declared.sign_in_audience,
        "requiredResourceAccess": _required_access([], declared.roles),
    }
    return body | ({"web": {"redirectUris": declared.redirect_uris}} if declared.redirect_uris else {})


def changes(application: Mapping[str, Any], declared: Declared) -> dict[str, Any]:
    """Return the properties to send so that the application is as declared; empty where it is."""
    found: dict[str, Any] = {}
    if declared.display_name and application.get("displayName") != declared.display_name:
        found["displayName"] = declared.display_name
    if application.get("signInAudience") != declared.sign_in_audience:
        found["signInAudience"] = declared.sign_in_audience
    if declared.redirect_uris is not None and set(redirect_uris(application)) != set(declared.redirect_uris):
        # the settings that go with each address would contradict the new list
        web = {name: value for name, value in _web(application).items() if name != "redirectUriSettings"}
        found["web"] = {**web, "redirectUris": declared.redirect_uris}
    existing = list(application.get("requiredResourceAccess") or [])
    if any(_role_ids(existing, APIS[api]) != set(roles.values()) for api, roles in declared.roles.items()):
        found["requiredResourceAccess"] = _required_access(existing, declared.roles)
    return found


def describe(application: Mapping[str, Any], names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the application in the operator's words. `names` are the app roles of each API (name -> id).

    A permission without a known name stands under its id, and those of other APIs are left out.
    """
    access = list(application.get("requiredResourceAccess") or [])
    return {
        "display_name": application.get("displayName"),
        "sign_in_audience": application.get("signInAudience"),
        "redirect_uris": sorted(redirect_uris(application)),
        "permissions": {api: named(_role_ids(access, APIS[api]), known) for api, known in names.items()},
    }


def named(role_ids: set[str], known: Mapping[str, str]) -> list[str]:
    """Return the names of app roles, sorted."""
    by_id = {role_id: name for name, role_id in known.items()}
    return sorted(by_id.get(role_id, role_id) for role_id in role_ids)


def redirect_uris(application: Mapping[str, Any]) -> list[str]:
    """Return the redirect URIs of the web platform, the one that admin consent leads back to."""
    return list(_web(application).get("redirectUris") or [])


def _web(application: Mapping[str, Any]) -> dict[str, Any]:
    return dict(application.get("web") or {})


def _role_ids(access: list[dict[str, Any]], api: Api) -> set[str]:
    return {
        item["id"]
        for entry in access
        if entry.get("resourceAppId") == api.app_id
        for item in entry.get("resourceAccess") or []
        if item.get("type") == _ROLE
    }


def _required_access(existing: list[dict[str, Any]], roles: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return `requiredResourceAccess` with these app roles; delegated permissions and other APIs stay as they are."""
    declared = {APIS[api].app_id: list(wanted.values()) for api, wanted in roles.items()}
    others = {entry["resourceAppId"]: entry for entry in existing}
    merged = []
    for app_id in [*others, *(app_id for app_id in declared if app_id not in others)]:
        entry = dict(others.get(app_id, {"resourceAppId": app_id}))
        if app_id in declared:
            delegated = [item for item in entry.get("resourceAccess") or [] if item.get("type") != _ROLE]
            entry["resourceAccess"] = [*({"id": role, "type": _ROLE} for role in declared[app_id]), *delegated]
        if entry.get("resourceAccess"):
            merged.append(entry)
    return merged
