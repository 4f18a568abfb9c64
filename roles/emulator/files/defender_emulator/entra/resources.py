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
    """An API with its application id and the audiences (service principal names) it answers to.

    ``permissions`` need no user (app roles); ``scopes`` are delegated, and never end in an app-only token.
    """

    key: str
    app_id: str
    name: str
    audiences: tuple[str, ...]
    permissions: tuple[Permission, ...]
    scopes: tuple[Permission, ...] = ()

    def permission(self, name: str) -> Permission:
        """The permission of that name. KeyError when the API has none."""
        for permission in self.permissions:
            if permission.name == name:
                return permission
        raise KeyError(name)

    def has_role(self, role_id: str) -> bool:
        """Whether the API defines an app role of that id."""
        return any(permission.role_id == role_id for permission in self.permissions)

    def role(self, role_id: str) -> Permission:
        """The application permission of that id. KeyError when the API has none."""
        for permission in self.permissions:
            if permission.role_id == role_id:
                return permission
        raise KeyError(role_id)


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
    scopes=(
        Permission(
            "Incident.Read",
            "12c153a4-4204-4224-aa3c-4626e2f47c2b",
            "Read incidents",
            "See the security incidents that you can see, on your behalf.",
        ),
        Permission(
            "Incident.ReadWrite",
            "2af415cc-88cf-4146-a0c8-444c3a80d5db",
            "Read and write incidents",
            "See and change the security incidents that you can, on your behalf.",
        ),
        Permission(
            "AdvancedHunting.Read",
            "15f11de4-5113-4268-a2d1-0bad43d781f9",
            "Run advanced hunting queries",
            "Search the raw security events that you can see, on your behalf.",
        ),
        Permission(
            "CustomDetections.ReadWrite",
            "ddbb8d0c-c86b-4ece-bcb7-0f031a9cf103",
            "Read and write custom detection rules",
            "See and change the custom detection rules that you can, on your behalf.",
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
        Permission(
            "SecurityAlert.ReadWrite.All",
            "ed4fca05-be46-441f-9803-1873825f8fdb",
            "Read and write to all security alerts",
            "See every security alert of your organization and change it, without a signed-in user.",
        ),
        Permission(
            "Application.ReadWrite.OwnedBy",
            "18a4783c-866b-4cc7-a460-3d5e5662c884",
            "Manage apps that this app creates or owns",
            "Register applications, and change or delete those it has registered itself, without a signed-in user.",
        ),
        Permission(
            "Application.Read.All",
            "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
            "Read all applications",
            "See every application and service principal of your organization, without a signed-in user.",
        ),
        Permission(
            "Application.ReadWrite.All",
            "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
            "Read and write all applications",
            "Register, change and delete any application and service principal, without a signed-in user.",
        ),
        Permission(
            "AppRoleAssignment.ReadWrite.All",
            "06b708a9-e830-4db3-a914-8e69da51d44f",
            "Manage app permission grants and app role assignments",
            "Grant any application permission to any application of your organization, without a signed-in user.",
        ),
        Permission(
            "DelegatedPermissionGrant.ReadWrite.All",
            "8e8e4742-1d95-4f68-9d56-6ee75648c72a",
            "Manage all delegated permission grants",
            "Grant and take back delegated permissions of any application, without a signed-in user.",
        ),
        Permission(
            "Directory.Read.All",
            "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
            "Read directory data",
            "See the users, groups and applications of your organization, without a signed-in user.",
        ),
        Permission(
            "Organization.Read.All",
            "498476ce-e0fe-48b0-b801-37ba7e2685c6",
            "Read organization information",
            "See the name, domains and subscriptions of your organization, without a signed-in user.",
        ),
        Permission(
            "Policy.Read.All",
            "246dd0d5-5bd0-4def-940b-0421030a5b68",
            "Read your organization's policies",
            "See the policies of your organization, without a signed-in user.",
        ),
        Permission(
            "CrossTenantInformation.ReadBasic.All",
            "cac88765-0581-4025-9725-5ebc13f729ee",
            "Read cross-tenant basic information",
            "See name and domain of other organizations, without a signed-in user.",
        ),
        Permission(
            "DelegatedAdminRelationship.Read.All",
            "f6e9e124-4586-492f-adc0-c6f96e4823fd",
            "Read delegated admin relationships",
            "See the delegated admin relationships with your customers, without a signed-in user.",
        ),
    ),
    scopes=(
        Permission(
            "SecurityIncident.Read.All",
            "b9abcc4f-94fc-4457-9141-d20ce80ec952",
            "Read incidents",
            "See the security incidents that you can see, on your behalf.",
        ),
        Permission(
            "SecurityIncident.ReadWrite.All",
            "128ca929-1a19-45e6-a3b8-435ec44a36ba",
            "Read and write to incidents",
            "See and change the security incidents that you can, on your behalf.",
        ),
        Permission(
            "SecurityAlert.Read.All",
            "bc257fb8-46b4-4b15-8713-01e91bfbe4ea",
            "Read all security alerts",
            "See the security alerts that you can see, on your behalf.",
        ),
        Permission(
            "ThreatHunting.Read.All",
            "b152eca8-ea73-4a48-8c98-1a6742673d99",
            "Run hunting queries",
            "Search the raw security events that you can see, on your behalf.",
        ),
        Permission(
            "Application.ReadWrite.All",
            "bdfbf15f-ee85-4955-8675-146e8e5296b5",
            "Read and write all applications",
            "Register, change and delete applications that you can, on your behalf.",
        ),
        Permission(
            "AppRoleAssignment.ReadWrite.All",
            "84bccea3-f856-4a8a-967b-dbe0a3d53a64",
            "Manage app permission grants and app role assignments",
            "Grant application permissions that you can, on your behalf.",
        ),
    ),
)

# Its name is close to the XDR API's, and a token for it is of no use there: a mistake worth meeting in a test.
DEFENDER_FOR_ENDPOINT = Resource(
    key="endpoint",
    app_id="fc780465-2017-40d4-a0c5-307022471b92",
    name="WindowsDefenderATP",
    audiences=("https://api.securitycenter.microsoft.com",),
    permissions=(
        Permission(
            "AdvancedQuery.Read.All",
            "93489bf5-0fbc-4f2d-b901-33f2fe08ff05",
            "Run advanced queries",
            "Search the raw events of your organization's devices, without a signed-in user.",
        ),
        Permission(
            "Alert.Read.All",
            "71fe6b80-7034-4028-9ed8-0f316df9c3ff",
            "Read all alerts",
            "See every alert of your organization's devices, without a signed-in user.",
        ),
        Permission(
            "Machine.Read.All",
            "ea8291d3-4b9a-44b5-bc3a-6cea3026dc79",
            "Read all machine profiles",
            "See every device of your organization, without a signed-in user.",
        ),
    ),
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


def resource_by_key(key: str) -> Resource:
    """The API of that short name. KeyError when there is none."""
    for resource in RESOURCES:
        if resource.key == key:
            return resource
    raise KeyError(key)


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
