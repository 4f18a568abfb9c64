# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/servicePrincipals``: an application's or an API's presence in the tenant.

Sources: learn.microsoft.com, serviceprincipal-post-serviceprincipals, serviceprincipal-list, serviceprincipal-delete.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from defender_emulator.entra.applications import Application
from defender_emulator.entra.resources import RESOURCES, Resource
from defender_emulator.entra.service_principals import ServicePrincipal, resources_present
from defender_emulator.entra.tenants import is_guid
from defender_emulator.graph_directory import access
from defender_emulator.graph_directory.calls import Call, bad_request, no_content, object_response, same_key
from defender_emulator.graph_directory.principals import (
    addressed_principal,
    all_principals,
    application_principal,
    resource_principal,
)
from defender_emulator.graph_directory.queries import answer_list, select, select_context
from defender_emulator.graph_errors import GraphError
from defender_emulator.graph_paths import graph_root
from defender_emulator.odata import Field

_CONTEXT = "servicePrincipals"
_KIND = "servicePrincipal"
_FIELDS: dict[str, Field[Mapping[str, object]]] = {
    "id": Field(lambda document: document["id"]),
    "appId": Field(lambda document: document["appId"]),
    "servicePrincipalNames": Field(lambda document: document["servicePrincipalNames"]),
    "displayName": Field(lambda document: document["displayName"], has_start=True, is_caseless=True),
    "servicePrincipalType": Field(lambda document: document["servicePrincipalType"]),
}
_NOT_LOCAL = (
    "When using this permission, the backing application of the service principal being created must in the local "
    "tenant"
)


async def list_principals(call: Call) -> Response:
    """``GET /servicePrincipals``"""
    access.may_read_applications(call)
    documents = [principal.document for principal in all_principals(call)]
    return answer_list(call, _CONTEXT, _KIND, documents, _FIELDS)


async def create_principal(call: Call) -> Response:
    """``POST /servicePrincipals``"""
    access.may_create_application(call)
    client_id = (await call.body()).get("appId")
    if not is_guid(client_id):
        raise bad_request("Invalid value specified for property 'appId' of resource 'ServicePrincipal'.")
    client_id = str(client_id).lower()
    resource = next((resource for resource in RESOURCES if resource.app_id == client_id), None)
    if resource is None:
        stored = _create_of_application(call, client_id)
        created = application_principal(call.directory, call.tenant, stored)
    else:
        _open_api(call, resource)
        created = resource_principal(call.tenant, resource)
    location = f"{graph_root(call.request)}/servicePrincipals/{created.object_id}"
    return object_response(call, _CONTEXT, created.document, 201, location)


async def get_principal(call: Call) -> Response:
    """``GET /servicePrincipals/{id}``, and by ``appId``"""
    access.may_read_applications(call)
    document = addressed_principal(call).document
    return object_response(call, select_context(call, _CONTEXT), select(call, [document], _KIND)[0])


async def delete_principal(call: Call) -> Response:
    """``DELETE /servicePrincipals/{id}``, and by ``appId``"""
    stored = addressed_principal(call).stored
    if stored is None:
        raise access.denied("Microsoft's own service principals cannot be deleted.")
    access.may_write(call, stored.owners)
    call.directory.service_principals.remove(stored)
    return no_content()


def _create_of_application(call: Call, client_id: str) -> ServicePrincipal:
    application = call.directory.applications.find(client_id)
    if application is None or not _may_appear(call, application) or not call.is_visible(application.created_at):
        raise bad_request(
            f"The appId '{client_id}' of the service principal does not reference a valid application object.",
            "NoBackingApplicationObject",
            "appId",
        )
    if "Application.ReadWrite.All" not in call.caller.roles:
        if application.tenant_id != call.tenant.tenant_id:
            raise access.denied(_NOT_LOCAL)
        access.may_write(call, application.owners)
    if call.directory.service_principals.find(call.tenant, client_id) is not None:
        raise _in_use(client_id)
    return call.directory.service_principals.create(call.tenant, application, owners=[call.caller.object_id])


def _may_appear(call: Call, application: Application) -> bool:
    return application.tenant_id == call.tenant.tenant_id or not application.is_single_tenant


def _open_api(call: Call, resource: Resource) -> None:
    if "Application.ReadWrite.All" not in call.caller.roles:
        raise access.denied(_NOT_LOCAL)
    if resource in resources_present(call.tenant):
        raise _in_use(resource.app_id)
    call.directory.tenants.change(call.tenant, {"service_present": True})


def _in_use(client_id: str) -> GraphError:
    return same_key(
        "The service principal cannot be created, updated, or restored because the service principal name "
        f"{client_id} is already in use.",
        "servicePrincipalNames",
    )
