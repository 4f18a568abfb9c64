# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's service principals as Graph shows them: applications' own, and those of Microsoft's APIs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from defender_emulator.entra.directory import Directory
from defender_emulator.entra.resources import XDR, Permission, Resource
from defender_emulator.entra.service_principals import ServicePrincipal, resource_principal_id, resources_present
from defender_emulator.entra.tenants import Tenant
from defender_emulator.graph_directory.calls import Call, not_found

# The tenant that Microsoft's own applications are registered in.
_MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"


@dataclass(frozen=True)
class Principal:
    """One service principal: ``document`` is what is shown of it, ``role_ids`` are the app roles it has to grant.

    ``stored`` is None for one of Microsoft's APIs, which nobody made and nobody owns.
    """

    object_id: str
    client_id: str
    name: str
    role_ids: frozenset[str]
    document: Mapping[str, object]
    stored: ServicePrincipal | None


def all_principals(call: Call) -> list[Principal]:
    """Every service principal of the tenant that has come through to this reader."""
    directory, tenant = call.directory, call.tenant
    stored = directory.service_principals.of(tenant)
    return [
        *(resource_principal(tenant, resource) for resource in resources_present(tenant)),
        *(application_principal(directory, tenant, one) for one in stored if call.is_visible(one.created_at)),
    ]


def find_principal(call: Call, object_id: str) -> Principal:
    """The service principal of that object id. GraphError 404 when there is none, or not yet."""
    for principal in all_principals(call):
        if principal.object_id == object_id.lower():
            return principal
    raise not_found(object_id)


def addressed_principal(call: Call) -> Principal:
    """The service principal that the path names, by object id or ``appId``. GraphError 404 when there is none."""
    if "app_id" not in call.request.path_params:
        return find_principal(call, call.parameter("id"))
    client_id = call.parameter("app_id")
    for principal in all_principals(call):
        if principal.client_id == client_id.lower():
            return principal
    raise not_found(client_id)


def resource_principal(tenant: Tenant, resource: Resource) -> Principal:
    """One of Microsoft's APIs."""
    names = [form for audience in resource.audiences for form in (audience, f"{audience}/")]
    object_id = resource_principal_id(tenant, resource)
    document = {
        **_common(object_id, resource.app_id, resource.name),
        "accountEnabled": resource is not XDR or tenant.settings.service_enabled,
        "appOwnerOrganizationId": _MICROSOFT,
        "appRoles": [_app_role(permission) for permission in resource.permissions],
        "createdDateTime": None,
        "oauth2PermissionScopes": [_scope(permission) for permission in resource.scopes],
        "replyUrls": [],
        "servicePrincipalNames": [resource.app_id, *names],
        "signInAudience": "AzureADMultipleOrgs",
    }
    role_ids = frozenset(permission.role_id for permission in resource.permissions)
    return Principal(object_id, resource.app_id, resource.name, role_ids, document, None)


def application_principal(directory: Directory, tenant: Tenant, stored: ServicePrincipal) -> Principal:
    """An application's, which outlives the application in other tenants than its own."""
    application = directory.applications.find(stored.client_id)
    registered = application.document if application else None
    name = registered["displayName"] if registered else stored.name
    roles = registered["appRoles"] if registered else []
    document = {
        **_common(stored.object_id, stored.client_id, name),
        "accountEnabled": tenant.settings.app_enabled,
        "appOwnerOrganizationId": stored.publisher_id,
        "appRoles": roles,
        "createdDateTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stored.created_at)),
        "keyCredentials": [{**entry, "key": None} for entry in stored.key_credentials],
        "oauth2PermissionScopes": registered["api"]["oauth2PermissionScopes"] if registered else [],
        "passwordCredentials": stored.password_credentials,
        "replyUrls": registered["web"]["redirectUris"] if registered else [],
        "servicePrincipalNames": [stored.client_id],
        "signInAudience": registered["signInAudience"] if registered else None,
        "tokenEncryptionKeyId": stored.token_encryption_key_id,
    }
    role_ids = frozenset(role["id"] for role in roles)
    return Principal(stored.object_id, stored.client_id, name, role_ids, document, stored)


def _common(object_id: str, client_id: str, name: str) -> dict[str, object]:
    return {
        "id": object_id,
        "deletedDateTime": None,
        "alternativeNames": [],
        "appDescription": None,
        "appDisplayName": name,
        "appId": client_id,
        "appRoleAssignmentRequired": False,
        "applicationTemplateId": None,
        "description": None,
        "displayName": name,
        "homepage": None,
        "keyCredentials": [],
        "loginUrl": None,
        "logoutUrl": None,
        "notes": None,
        "passwordCredentials": [],
        "servicePrincipalType": "Application",
        "tags": [],
        "tokenEncryptionKeyId": None,
    }


def _app_role(permission: Permission) -> dict[str, object]:
    return {
        "allowedMemberTypes": ["Application"],
        "description": permission.description,
        "displayName": permission.title,
        "id": permission.role_id,
        "isEnabled": True,
        "origin": "Application",
        "value": permission.name,
    }


def _scope(permission: Permission) -> dict[str, object]:
    return {
        "adminConsentDescription": permission.description,
        "adminConsentDisplayName": permission.title,
        "id": permission.role_id,
        "isEnabled": True,
        "type": "Admin",
        "userConsentDescription": None,
        "userConsentDisplayName": None,
        "value": permission.name,
    }
