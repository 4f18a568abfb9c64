# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The customers that Microsoft knows the provider to have, and the tenants of domains, read from Microsoft Graph.

Every call is made in the provider's own tenant and raises TenantError. Sources: learn.microsoft.com, "List
delegatedAdminCustomers", "List delegatedAdminRelationships", "List contracts",
"tenantRelationship: findTenantInformationByDomainName".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from .. import errors
from ..clouds import GUID
from ..errors import Reason, TenantError
from ..graph import Call, Graph
from ..wire.records import JsonObject
from .customer import Customer, Relationship, partner_name

RELATIONSHIPS = "delegated_admin_customers"
CONTRACTS = "contracts"
STATUSES = (
    "activating",
    "active",
    "approvalPending",
    "approved",
    "created",
    "expired",
    "expiring",
    "terminated",
    "terminating",
    "terminationRequested",
)
"""Of a relationship."""

_READ_RELATIONSHIPS = "DelegatedAdminRelationship.Read.All"
_READ_CUSTOMERS = Call("list the customers of delegated administration", _READ_RELATIONSHIPS)
_READ_TERMS = Call("list the relationships of delegated administration", _READ_RELATIONSHIPS)
_READ_CONTRACTS = Call("list the contracts of the partner", "Directory.Read.All")
_FIND_TENANT = Call("find the tenant of a domain", "CrossTenantInformation.ReadBasic.All")


def with_relationships(graph: Graph, statuses: Collection[str]) -> list[Customer]:
    """Return the customers who have granted delegated administration that is in one of these statuses."""
    relationships: dict[str, list[Relationship]] = {}
    for found in graph.pages("tenantRelationships/delegatedAdminRelationships?$top=300", _READ_TERMS, settle=False):
        if found.get("status") in statuses and isinstance(found.get("customer"), dict):
            relationships.setdefault(_tenant_id(found["customer"], "tenantId"), []).append(_relationship(found))
    customers = graph.pages("tenantRelationships/delegatedAdminCustomers?$top=300", _READ_CUSTOMERS, settle=False)
    return [
        replace(_customer(found, tenant_id, RELATIONSHIPS), relationships=relationships[tenant_id])
        for found in customers
        if (tenant_id := _tenant_id(found, "tenantId")) in relationships
    ]


def with_contracts(graph: Graph) -> list[Customer]:
    """Return the customers whom the provider resells to or manages as a partner."""
    return [
        replace(
            _customer(found, _tenant_id(found, "customerId"), CONTRACTS),
            domain=found.get("defaultDomainName"),
            contract_type=found.get("contractType"),
        )
        for found in graph.pages("contracts?$top=999", _READ_CONTRACTS, settle=False)
    ]


def tenant_of_domain(graph: Graph, domain: str) -> str | None:
    """Return the GUID of the tenant that has verified the domain, or None where none has."""
    path = f"tenantRelationships/findTenantInformationByDomainName(domainName='{domain}')"
    found = graph.read(path, _FIND_TENANT)
    return _tenant_id(found, "tenantId") if found else None


def _customer(found: JsonObject, tenant_id: str, source: str) -> Customer:
    title = str(found.get("displayName") or tenant_id)
    return Customer(partner_name(title, tenant_id), title, tenant_id, (source,))


def _relationship(found: JsonObject) -> Relationship:
    roles = (found.get("accessDetails") or {}).get("unifiedRoles") or []
    return {
        "id": found.get("id"),
        "name": found.get("displayName"),
        "status": found["status"],
        "ends_at": found.get("endDateTime"),
        "roles": [role.get("roleDefinitionId") for role in roles],
    }


def _tenant_id(found: JsonObject, member: str) -> str:
    tenant_id = str(found.get(member)).lower()
    if not GUID.match(tenant_id):
        meaning = f"Microsoft Graph named a customer without a tenant ({member} is not a GUID)"
        raise TenantError(Reason(errors.ERROR, meaning, "check graph_url"))
    return tenant_id
