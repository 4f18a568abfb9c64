# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application as declared against the application as registered: what differs, and nothing else, is changed.

Sources: learn.microsoft.com, "application resource type" (PATCH replaces each collection it names),
"servicePrincipalLockConfiguration resource type".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from ..identity.permissions import APIS, Api
from .directory import Application, PropertyLock, RequiredAccess, ResourceAccess, Web

AUDIENCES = ("AzureADMultipleOrgs", "AzureADMyOrg", "AzureADandPersonalMicrosoftAccount")

_ROLE = "Role"
_WHOLE_LOCK: PropertyLock = {
    "isEnabled": True,
    "allProperties": True,
    "credentialsWithUsageVerify": True,
    "credentialsWithUsageSign": True,
    "tokenEncryptionKeyId": True,
}


@dataclass(frozen=True)
class Declared:
    """What the operator wants of an application; None is a field that is left as it is.

    `roles` are the ids of app roles by API and name: all that the application is to ask of that API. `property_lock`
    locks what is sensitive of its service principals; without it the lock is left as it is, never opened.
    """

    display_name: str | None
    sign_in_audience: str
    redirect_uris: list[str] | None
    roles: Mapping[str, Mapping[str, str]]
    property_lock: bool = True


class Described(TypedDict):
    """An application in the operator's words; `permissions` are names of app roles by API.

    `property_lock` tells whether all that is sensitive is locked, None where that is not known yet.
    """

    display_name: str | None
    sign_in_audience: str | None
    redirect_uris: list[str]
    property_lock: bool | None
    permissions: dict[str, list[str]]


def creation(unique_name: str, declared: Declared) -> Application:
    """Return the body that creates the application."""
    body: Application = {
        "displayName": declared.display_name or unique_name,
        "signInAudience": declared.sign_in_audience,
        "requiredResourceAccess": _required_access([], declared.roles),
    }
    if declared.redirect_uris:
        body["web"] = {"redirectUris": declared.redirect_uris}
    if declared.property_lock:
        body["servicePrincipalLockConfiguration"] = _WHOLE_LOCK
    return body


def changes(application: Application, declared: Declared) -> Application:
    """Return the properties to send so that the application is as declared; empty where it is."""
    found: Application = {}
    if declared.display_name and application.get("displayName") != declared.display_name:
        found["displayName"] = declared.display_name
    if application.get("signInAudience") != declared.sign_in_audience:
        found["signInAudience"] = declared.sign_in_audience
    if declared.redirect_uris is not None and set(redirect_uris(application)) != set(declared.redirect_uris):
        web: Web = {**_web(application), "redirectUris": declared.redirect_uris}
        # the settings that go with each address would contradict the new list
        web.pop("redirectUriSettings", None)
        found["web"] = web
    existing = list(application.get("requiredResourceAccess") or [])
    if any(_role_ids(existing, APIS[api]) != set(roles.values()) for api, roles in declared.roles.items()):
        found["requiredResourceAccess"] = _required_access(existing, declared.roles)
    if declared.property_lock and not _is_locked(application):
        found["servicePrincipalLockConfiguration"] = _WHOLE_LOCK
    return found


def describe(application: Application, names: Mapping[str, Mapping[str, str]]) -> Described:
    """Return the application in the operator's words. `names` are the app roles of each API (name -> id).

    A permission without a known name stands under its id, and those of other APIs are left out.
    """
    access = list(application.get("requiredResourceAccess") or [])
    return {
        "display_name": application.get("displayName"),
        "sign_in_audience": application.get("signInAudience"),
        "redirect_uris": sorted(redirect_uris(application)),
        "property_lock": _is_locked(application),
        "permissions": {api: named(_role_ids(access, APIS[api]), known) for api, known in names.items()},
    }


def named(role_ids: set[str], known: Mapping[str, str]) -> list[str]:
    """Return the names of app roles, sorted."""
    by_id = {role_id: name for name, role_id in known.items()}
    return sorted(by_id.get(role_id, role_id) for role_id in role_ids)


def redirect_uris(application: Application) -> list[str]:
    """Return the redirect URIs of the web platform, the one that admin consent leads back to."""
    return list(_web(application).get("redirectUris") or [])


def _is_locked(application: Application) -> bool | None:
    if "servicePrincipalLockConfiguration" not in application:
        return None
    lock = application["servicePrincipalLockConfiguration"] or {}
    flags = (lock.get(name) for name in _WHOLE_LOCK if name not in ("isEnabled", "allProperties"))
    return bool(lock.get("isEnabled") and (lock.get("allProperties") or all(flags)))


def _web(application: Application) -> Web:
    return application.get("web") or {}


def _role_ids(access: list[RequiredAccess], api: Api) -> set[str]:
    return {
        item["id"]
        for entry in access
        if entry.get("resourceAppId") == api.app_id
        for item in entry.get("resourceAccess") or []
        if item.get("type") == _ROLE
    }


def _required_access(existing: list[RequiredAccess], roles: Mapping[str, Mapping[str, str]]) -> list[RequiredAccess]:
    """Return `requiredResourceAccess` with these app roles; delegated permissions and other APIs stay as they are."""
    declared = {APIS[api].app_id: list(wanted.values()) for api, wanted in roles.items()}
    others = {entry["resourceAppId"]: entry for entry in existing}
    merged = []
    for app_id in [*others, *(app_id for app_id in declared if app_id not in others)]:
        entry: RequiredAccess = {"resourceAppId": app_id, **others.get(app_id, {})}
        if app_id in declared:
            delegated = [item for item in entry.get("resourceAccess") or [] if item.get("type") != _ROLE]
            wanted: list[ResourceAccess] = [{"id": role, "type": _ROLE} for role in declared[app_id]]
            entry["resourceAccess"] = [*wanted, *delegated]
        if entry.get("resourceAccess"):
            merged.append(entry)
    return merged
