# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App role assignments, seen from the API (``appRoleAssignedTo``) and from the client (``appRoleAssignments``).

Granting one is what the portal's "Grant admin consent" does in one's own tenant.
Source: learn.microsoft.com, serviceprincipal-post-approleassignedto.
"""

from __future__ import annotations

import time

from starlette.responses import Response

from defender_emulator.entra.service_principals import AppRoleAssignment
from defender_emulator.entra.tenants import is_guid
from defender_emulator.graph_directory import access
from defender_emulator.graph_directory.calls import Call, bad_request, no_content, not_found, object_response
from defender_emulator.graph_directory.principals import Principal, addressed_principal, all_principals, find_principal
from defender_emulator.graph_directory.queries import answer_list
from defender_emulator.odata import Field

_KIND = "appRoleAssignment"
_FIELDS: dict[str, Field[dict[str, str | None]]] = {
    "principalId": Field(lambda document: document["principalId"]),
    "resourceId": Field(lambda document: document["resourceId"]),
    "appRoleId": Field(lambda document: document["appRoleId"]),
}


async def list_assigned_to(call: Call) -> Response:
    """``GET /servicePrincipals/{id}/appRoleAssignedTo``: who may use this API"""
    access.may_read_assignments(call)
    resource = addressed_principal(call)
    return _list(call, [(client, resource) for client in all_principals(call)])


async def list_assignments(call: Call) -> Response:
    """``GET /servicePrincipals/{id}/appRoleAssignments``: what this client may use"""
    access.may_read_assignments(call)
    client = addressed_principal(call)
    return _list(call, [(client, resource) for resource in all_principals(call)])


async def assign(call: Call) -> Response:
    """``POST`` to either collection"""
    body = await call.body()
    given = {name: body.get(name) for name in ("principalId", "resourceId", "appRoleId")}
    for name, value in given.items():
        if not is_guid(value):
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'AppRoleAssignment'.")
    principal_id, resource_id, role_id = (str(value).lower() for value in given.values())
    addressed = addressed_principal(call)
    if addressed.object_id not in (principal_id, resource_id):
        raise bad_request("The service principal in the request's path is not the one in its body.")
    client, resource = find_principal(call, principal_id), find_principal(call, resource_id)
    access.may_assign(call, resource.client_id)
    if client.stored is None or role_id not in resource.role_ids:
        raise bad_request("Permission being assigned was not found on application", "InvalidAppRole", "appRoleId")
    if role_id in client.stored.role_ids(resource_id):
        message = "Permission being assigned already exists on the object"
        raise bad_request(message, "InvalidUpdate", "appRoleAssignment")
    assignment = call.directory.service_principals.assign(client.stored, resource_id, role_id)
    return object_response(call, "appRoleAssignments", _shown(client, resource, assignment), 201)


async def unassign(call: Call) -> Response:
    """``DELETE`` below either collection"""
    access.may_unassign(call)
    addressed, wanted = addressed_principal(call), call.parameter("assignment")
    for stored in call.directory.service_principals.of(call.tenant):
        for assignment in stored.assignments:
            if assignment.id == wanted and addressed.object_id in (stored.object_id, assignment.resource_id):
                call.directory.service_principals.unassign(stored, assignment)
                return no_content()
    raise not_found(wanted)


def _list(call: Call, pairs: list[tuple[Principal, Principal]]) -> Response:
    documents = [
        _shown(client, resource, assignment)
        for client, resource in pairs
        for assignment in (client.stored.assignments if client.stored else [])
        if assignment.resource_id == resource.object_id and call.is_visible(assignment.created_at)
    ]
    return answer_list(call, "appRoleAssignments", _KIND, documents, _FIELDS)


def _shown(client: Principal, resource: Principal, assignment: AppRoleAssignment) -> dict[str, str | None]:
    return {
        "id": assignment.id,
        "deletedDateTime": None,
        "appRoleId": assignment.role_id,
        "createdDateTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(assignment.created_at)),
        "principalDisplayName": client.name,
        "principalId": client.object_id,
        "principalType": "ServicePrincipal",
        "resourceDisplayName": resource.name,
        "resourceId": resource.object_id,
    }
