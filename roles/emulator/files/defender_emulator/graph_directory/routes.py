# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which path below ``/v1.0/`` is answered by what. An object is named by its id or by a key of its own."""

from __future__ import annotations

from starlette.routing import Route

from defender_emulator.graph_directory import (
    applications,
    assignments,
    credentials,
    federation,
    organization,
    owners,
    partnership,
    policies,
    principal_credentials,
    service_principals,
)
from defender_emulator.graph_directory.calls import Endpoint, graph_route

_APPLICATION = ("applications/{id}", "applications(appId='{app_id}')", "applications(uniqueName='{unique_name}')")
_RELATIONS = "tenantRelationships"
_PRINCIPAL = ("servicePrincipals/{id}", "servicePrincipals(appId='{app_id}')")

_OF_APPLICATION: dict[str, dict[str, Endpoint]] = {
    "": {
        "GET": applications.get_application,
        "PATCH": applications.update_application,
        "DELETE": applications.delete_application,
    },
    "/appManagementPolicies": {"GET": policies.list_of_application},
    "/addPassword": {"POST": credentials.add_password},
    "/removePassword": {"POST": credentials.remove_password},
    "/addKey": {"POST": credentials.add_key},
    "/removeKey": {"POST": credentials.remove_key},
    "/owners": {"GET": owners.list_owners},
    "/owners/$ref": {"POST": owners.add_owner},
    "/federatedIdentityCredentials": {"GET": federation.list_credentials, "POST": federation.create_credential},
    "/federatedIdentityCredentials/{credential}": {
        "GET": federation.get_credential,
        "PATCH": federation.update_credential,
        "DELETE": federation.delete_credential,
    },
}
_OF_PRINCIPAL: dict[str, dict[str, Endpoint]] = {
    "": {
        "GET": service_principals.get_principal,
        "PATCH": principal_credentials.update_principal,
        "DELETE": service_principals.delete_principal,
    },
    "/addPassword": {"POST": principal_credentials.add_password},
    "/removePassword": {"POST": principal_credentials.remove_password},
    "/appRoleAssignedTo": {"GET": assignments.list_assigned_to, "POST": assignments.assign},
    "/appRoleAssignedTo/{assignment}": {"DELETE": assignments.unassign},
    "/appRoleAssignments": {"GET": assignments.list_assignments, "POST": assignments.assign},
    "/appRoleAssignments/{assignment}": {"DELETE": assignments.unassign},
}


DIRECTORY_ROUTES: list[Route] = [
    graph_route("applications", {"GET": applications.list_applications, "POST": applications.create_application}),
    *(graph_route(one + below, methods) for one in _APPLICATION for below, methods in _OF_APPLICATION.items()),
    graph_route(
        "servicePrincipals", {"GET": service_principals.list_principals, "POST": service_principals.create_principal}
    ),
    *(graph_route(one + below, methods) for one in _PRINCIPAL for below, methods in _OF_PRINCIPAL.items()),
    graph_route("policies/defaultAppManagementPolicy", {"GET": policies.get_default}),
    graph_route("organization", {"GET": organization.list_organization}),
    graph_route("contracts", {"GET": partnership.list_contracts}),
    graph_route(f"{_RELATIONS}/delegatedAdminCustomers", {"GET": partnership.list_customers}),
    graph_route(f"{_RELATIONS}/delegatedAdminRelationships", {"GET": partnership.list_relationships}),
    graph_route(
        f"{_RELATIONS}/findTenantInformationByDomainName(domainName='{{domain_name}}')",
        {"GET": partnership.find_by_domain},
    ),
    graph_route(
        f"{_RELATIONS}/findTenantInformationByTenantId(tenantId='{{tenant_id}}')", {"GET": partnership.find_by_id}
    ),
]
