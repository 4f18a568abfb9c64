# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control calls about the provider's customers: documents of Microsoft Graph, of which most may be left out."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import timestamps
from defender_emulator.control.body import BadControl, check_document, read_body
from defender_emulator.entra.partnership import LISTS, Partnership
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.tenants import Tenants, derive_id, is_guid
from defender_emulator.graph_directory.partnership import STATUSES
from defender_emulator.json_text import JsonObject, JsonResponse
from defender_emulator.world import world_of

_DAY = 86400 * timestamps.SECOND
_DATES = ("createdDateTime", "activatedDateTime", "endDateTime", "lastModifiedDateTime")
_SECURITY_READER = "5d6b6bb7-de71-4623-b4af-96380a352509"
_NOT_YET_ACTIVE = STATUSES[: STATUSES.index("active")]
_OVER = ("expiring", "expired", "terminated")
_TYPES: dict[str, dict[str, tuple[type, ...]]] = {
    "customers": {"tenantId": (str,), "displayName": (str,)},
    "relationships": {
        **dict.fromkeys(("id", "displayName", "status", "duration", "autoExtendDuration"), (str,)),
        **dict.fromkeys(_DATES, (str, type(None))),
        "customer": (dict, type(None)),
        "accessDetails": (dict,),
    },
    "contracts": dict.fromkeys(("id", "customerId", "defaultDomainName", "displayName", "contractType"), (str,)),
}


async def show(request: Request) -> Response:
    """``GET partner``: the three lists."""
    partnership = world_of(request).directory.partnership
    return JsonResponse({name: partnership.documents(name) for name in LISTS})


async def put(request: Request) -> Response:
    """``POST partner``: add or replace; answers the ids."""
    body = await read_body(request)
    for name, given in body.items():
        if name not in LISTS or not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise BadControl(f"the body must have lists of objects, named {', '.join(LISTS)}")
        for document in given:
            check_document(f"one of the {name}", _TYPES[name], document)
    directory = world_of(request).directory
    return JsonResponse(_put(directory.partnership, directory.tenants, body), 201)


async def clear(request: Request) -> Response:
    """``DELETE partner``"""
    world_of(request).directory.partnership.clear()
    return Response(status_code=204)


async def put_all(request: Request) -> Response:
    """``POST partner-all``: every customer tenant, with an active relationship and a contract."""
    directory = world_of(request).directory
    named = [tenant.tenant_id for tenant in directory.tenants.customers]
    body: dict[str, list[JsonObject]] = {
        "customers": [{"tenantId": tenant_id} for tenant_id in named],
        "relationships": [{"customer": {"tenantId": tenant_id}} for tenant_id in named],
        "contracts": [{"customerId": tenant_id} for tenant_id in named],
    }
    _put(directory.partnership, directory.tenants, body)
    return JsonResponse({"customers": len(named)}, 201)


def _put(partnership: Partnership, tenants: Tenants, body: dict[str, list[JsonObject]]) -> dict[str, list[str]]:
    first = len(partnership.documents("relationships")) + 1
    complete = {
        "customers": [_customer(tenants, given) for given in body.get("customers", [])],
        "relationships": [
            _relationship(tenants, given, number) for number, given in enumerate(body.get("relationships", []), first)
        ],
        "contracts": [_contract(tenants, given) for given in body.get("contracts", [])],
    }
    for name, documents in complete.items():
        partnership.put(name, documents)
    return {name: [document["id"] for document in documents] for name, documents in complete.items()}


def _customer(tenants: Tenants, given: JsonObject) -> JsonObject:
    tenant_id, name, _domain = _organization(tenants, given.get("tenantId"))
    return _entity("delegatedAdminCustomer", {"id": tenant_id, "displayName": name, **given, "tenantId": tenant_id})


def _relationship(tenants: Tenants, given: JsonObject, number: int) -> JsonObject:
    status, duration = given.get("status", "active"), given.get("duration", "P730D")
    if status not in STATUSES:
        raise BadControl(f"status must be one of {', '.join(STATUSES)}")
    customer = given.get("customer")
    if customer is not None:
        tenant_id, name, _domain = _organization(tenants, customer.get("tenantId"))
        customer = {"displayName": name, **customer, "tenantId": tenant_id}
    made_up = {
        "id": f"{derive_id('relationship', str(number))}-{derive_id('relationship')}",
        "displayName": f"{customer['displayName'] if customer else 'New'} admin relationship {number}",
        "duration": duration,
        "status": status,
        "autoExtendDuration": "PT0S",
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": _SECURITY_READER}]},
        **_dates(status, _days(duration)),
    }
    return _entity("delegatedAdminRelationship", {**made_up, **given, "customer": customer})


def _contract(tenants: Tenants, given: JsonObject) -> JsonObject:
    tenant_id, name, domain = _organization(tenants, given.get("customerId"))
    made_up = {
        "id": derive_id("contract", tenant_id),
        "contractType": "ResellerPartner",
        "defaultDomainName": domain,
        "displayName": name,
    }
    return {**made_up, **given, "customerId": tenant_id}


def _organization(tenants: Tenants, named: object) -> tuple[str, str, str]:
    """Id, name and domain: of a tenant that exists here, or made up for any other GUID."""
    try:
        tenant = tenants.resolve(str(named))
    except Refusal:
        if not is_guid(named):
            raise BadControl(
                f"a customer is named by a GUID or an emulated tenant's domain, not by {named!r}"
            ) from None
        return str(named), f"Customer {str(named)[:8]}", f"{str(named)[:8]}.example"
    return tenant.tenant_id, tenant.title, tenant.domain


def _entity(kind: str, document: JsonObject) -> JsonObject:
    tag = derive_id(kind, repr(document))
    return {"@odata.type": f"#microsoft.graph.{kind}", "@odata.etag": f'W/"{tag}"', **document}


def _days(duration: str) -> int:
    match = re.fullmatch(r"P(\d{1,3})([DY])", duration)
    if match is None:
        raise BadControl(f"duration must be days or years such as P730D, not {duration!r}")
    return int(match[1]) * (365 if match[2] == "Y" else 1)


def _dates(status: str, days: int) -> dict[str, str | None]:
    """When a relationship in that status began, and when its days are over: yesterday, if they are."""
    began = timestamps.now() - (days + 1 if status in _OVER else days // 2) * _DAY
    has_been_active = status not in _NOT_YET_ACTIVE
    return {
        "createdDateTime": timestamps.write(began),
        "activatedDateTime": timestamps.write(began) if has_been_active else None,
        "endDateTime": timestamps.write(began + days * _DAY) if has_been_active else None,
        "lastModifiedDateTime": timestamps.write(began),
    }
