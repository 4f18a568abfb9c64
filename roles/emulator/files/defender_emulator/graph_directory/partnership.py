# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A partner's customers, and the name and domain of anybody's tenant.

The page of ``delegatedAdminCustomers`` says that no application may read them; the permissions reference has an app
role for it, which counts here. How many records a page has that asks for no number is not documented, nor what a
tenant gets that is nobody's partner: here the directory's usual hundred, and empty lists. The refusal of an unknown
tenant is the one that Microsoft shows for the other calls below ``tenantRelationships``.
Sources: learn.microsoft.com, tenantrelationship-list-delegatedadmincustomers and -delegatedadminrelationships,
contract-list, tenantrelationship-findtenantinformationbydomainname and -bytenantid, permissions-reference.
"""

from __future__ import annotations

from starlette.responses import Response

from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.tenants import is_guid
from defender_emulator.graph_directory import access
from defender_emulator.graph_directory.calls import Call, object_response
from defender_emulator.graph_directory.queries import answer_list
from defender_emulator.graph_errors import GraphError
from defender_emulator.json_text import JsonObject
from defender_emulator.odata import Field

# created and what follows, as delegatedAdminRelationshipStatus lists it
STATUSES = (
    "created",
    "approvalPending",
    "approved",
    "activating",
    "active",
    "expiring",
    "expired",
    "terminationRequested",
    "terminating",
    "terminated",
)

_MAX_TOP = 300
_NAME: Field[JsonObject] = Field(lambda document: document["displayName"], has_start=True, is_caseless=True)
_CUSTOMER_FIELDS = {"tenantId": Field(lambda document: document["tenantId"]), "displayName": _NAME}
_RELATIONSHIP_FIELDS = {
    "id": Field(lambda document: document["id"]),
    "displayName": _NAME,
    "status": Field(lambda document: document["status"], names=frozenset(STATUSES)),
    "customer/tenantId": Field(lambda document: (document["customer"] or {}).get("tenantId")),
}
_CONTRACT_FIELDS = {
    "customerId": Field(lambda document: document["customerId"]),
    "defaultDomainName": Field(lambda document: document["defaultDomainName"], has_start=True, is_caseless=True),
    "displayName": _NAME,
}


async def list_customers(call: Call) -> Response:
    """``GET /tenantRelationships/delegatedAdminCustomers``"""
    access.may_read_relationships(call)
    context, kind = "tenantRelationships/delegatedAdminCustomers", "delegatedAdminCustomer"
    return answer_list(call, context, kind, _documents(call, "customers"), _CUSTOMER_FIELDS, _MAX_TOP)


async def list_relationships(call: Call) -> Response:
    """``GET /tenantRelationships/delegatedAdminRelationships``: in every status"""
    access.may_read_relationships(call)
    context, kind = "tenantRelationships/delegatedAdminRelationships", "delegatedAdminRelationship"
    return answer_list(call, context, kind, _documents(call, "relationships"), _RELATIONSHIP_FIELDS, _MAX_TOP)


async def list_contracts(call: Call) -> Response:
    """``GET /contracts``"""
    access.may_read_contracts(call)
    return answer_list(call, "contracts", "contract", _documents(call, "contracts"), _CONTRACT_FIELDS)


async def find_by_domain(call: Call) -> Response:
    """``GET /tenantRelationships/findTenantInformationByDomainName(domainName='...')``"""
    access.may_read_other_tenants(call)
    domain = call.parameter("domain_name")
    return _tenant_information(call, None if is_guid(domain) else domain)


async def find_by_id(call: Call) -> Response:
    """``GET /tenantRelationships/findTenantInformationByTenantId(tenantId='...')``"""
    access.may_read_other_tenants(call)
    tenant_id = call.parameter("tenant_id")
    return _tenant_information(call, tenant_id if is_guid(tenant_id) else None)


def _documents(call: Call, name: str) -> list[JsonObject]:
    is_partner = call.tenant is call.directory.home
    return call.directory.partnership.documents(name) if is_partner else []


def _tenant_information(call: Call, segment: str | None) -> Response:
    try:
        tenant = call.directory.tenants.resolve(segment or "")
    except Refusal:
        message = "Unable to read the company information from the directory."
        raise GraphError(404, "Directory_ObjectNotFound", message) from None
    document = {
        "tenantId": tenant.tenant_id,
        "federationBrandName": None,
        "displayName": tenant.title,
        "defaultDomainName": tenant.domain,
    }
    return object_response(call, "microsoft.graph.tenantInformation", document)
