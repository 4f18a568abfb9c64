# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The APIs an application can be granted, with the application permissions (app roles) each defines.

Sources: learn.microsoft.com (api-list-incidents, api-update-incidents, security-list-incidents), and for ids and
service principal names the public lists of Microsoft's first-party applications.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Permission:
    """One application permission: its value in a token's ``roles``, its id, and how a consent page names it."""

    name: str
    role_id: str
    title: str
    description: str


@dataclass(frozen=True)
class Resource:
    """An API with its application id and the audiences (service principal names) it answers to."""

    key: str
    app_id: str
    name: str
    audiences: tuple[str, ...]
    permissions: tuple[Permission, ...]

    def permission(self, name: str) -> Permission:
        """The permission of that name. KeyError when the API has none."""
        for permission in self.permissions:
            if permission.name == name:
                return permission
        raise KeyError(name)


XDR = Resource(
    key="xdr",
    app_id="8ee8fdad-f234-4243-8f3b-15c294843740",
    name="Microsoft Threat Protection",
    audiences=(
        "https://api.security.microsoft.com",
        "https://api-us.security.microsoft.com",
        "https://api-eu.security.microsoft.com",
        "https://api-uk.security.microsoft.com",
        "https://api-gcc.security.microsoft.us",
        "https://api-gov.security.microsoft.us",
        "https://security.microsoft.com/mtp",
    ),
    permissions=(
        Permission(
            "Incident.Read.All",
            "a9790345-4595-42e4-971a-ccdc79f19b7c",
            "Read all incidents",
            "See every security incident of your organization with its alerts, devices and people, without a user.",
        ),
        Permission(
            "Incident.ReadWrite.All",
            "8d90f441-09cf-4fdc-ab45-e874fa3a28e8",
            "Read and write all incidents",
            "See every security incident and change its status, owner, classification, tags and comments.",
        ),
        Permission(
            "AdvancedHunting.Read.All",
            "7734e8e5-8dde-42fc-b5ae-6eafea078693",
            "Run advanced hunting queries",
            "Search the raw security events of your organization, such as processes, sign-ins and mail.",
        ),
        Permission(
            "CustomDetections.ReadWrite.All",
            "a7deff90-e2f5-4e4e-83a3-2c74e7002e28",
            "Read and write all custom detection rules",
            "See, create, change and delete the rules by which your organization raises its own alerts.",
        ),
    ),
)

GRAPH = Resource(
    key="graph",
    app_id="00000003-0000-0000-c000-000000000000",
    name="Microsoft Graph",
    audiences=("https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us"),
    permissions=(
        Permission(
            "SecurityIncident.Read.All",
            "45cc0394-e837-488b-a098-1918f48d186c",
            "Read all security incidents",
            "See every security incident of your organization, without a signed-in user.",
        ),
        Permission(
            "SecurityIncident.ReadWrite.All",
            "34bf0e97-1971-4929-b999-9e2442d941d7",
            "Read and write all security incidents",
            "See every security incident of your organization and change it, without a signed-in user.",
        ),
        Permission(
            "SecurityAlert.Read.All",
            "472e4a4d-bb4a-4026-98d1-0b0d74cb74a5",
            "Read all security alerts",
            "See every security alert of your organization, without a signed-in user.",
        ),
        Permission(
            "ThreatHunting.Read.All",
            "dd98c7f5-2d42-42d3-a0e4-633161547251",
            "Run hunting queries",
            "Search the raw security events of your organization, without a signed-in user.",
        ),
    ),
)

# Its name is close to the XDR API's, and a token for it is of no use there: a mistake worth meeting in a test.
DEFENDER_FOR_ENDPOINT = Resource(
    key="endpoint",
    app_id="fc780465-2017-40d4-a0c5-307022471b92",
    name="WindowsDefenderATP",
    audiences=("https://api.securitycenter.microsoft.com",),
    permissions=(),
)

RESOURCES = (XDR, GRAPH, DEFENDER_FOR_ENDPOINT)

_BY_IDENTIFIER = {
    identifier: resource
    for resource in RESOURCES
    for identifier in (resource.app_id, *resource.audiences, *(f"{audience}/" for audience in resource.audiences))
}


def find_resource(identifier: str) -> Resource | None:
    """The API behind a GUID or an App ID URI, with or without a trailing slash."""
    return _BY_IDENTIFIER.get(identifier)


def roles_by_resource(names: Iterable[str]) -> dict[str, list[str]]:
    """Sort permission names under the key of the API that defines them. KeyError for an unknown name."""
    found: dict[str, list[str]] = {}
    for name in names:
        for resource in RESOURCES:
            if any(permission.name == name for permission in resource.permissions):
                found.setdefault(resource.key, []).append(name)
                break
        else:
            raise KeyError(name)
    return found
