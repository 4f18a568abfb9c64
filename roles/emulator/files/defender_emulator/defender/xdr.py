# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Defender XDR incident API (``api.security.microsoft.com``).

Microsoft does not document which filter operators there are, what a list of tags does to the old ones, or what an empty
``assignedTo`` does: the answers here are those that public clients rely on. Nor is it said what becomes of a
determination that the new classification does not allow, or of a change to a redirected incident: both are refused.
Sources: learn.microsoft.com, api-list-incidents, api-get-incident, api-update-incidents, api-error-codes.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import timestamps
from defender_emulator.defender.answers import json_object, xdr_endpoint
from defender_emulator.defender.bearer import ApiError, json_response, require
from defender_emulator.defender.documents import IncidentChanges, IncidentDocument
from defender_emulator.defender.incidents import Incident, change_moment, xdr_form
from defender_emulator.defender.listing import check_options, choose, churn, cut, is_lost, limited, refuse_poison
from defender_emulator.defender.throttling import count_xdr_call
from defender_emulator.defender.verdicts import (
    DETERMINATIONS,
    OF_OLD,
    OTHER_NAMES,
    UNCLASSIFIED,
    UNDETERMINED,
    check_pair,
    withdraw_determination,
)
from defender_emulator.entra.resources import XDR
from defender_emulator.entra.tenants import Tenant
from defender_emulator.json_text import JsonObject
from defender_emulator.odata import Field, bounds_of, parse_number
from defender_emulator.world import world_of

_READ_ROLES = ("Incident.Read.All", "Incident.ReadWrite.All")
_WRITE_ROLES = ("Incident.ReadWrite.All",)
_CONTEXT = "https://api.security.microsoft.com/api/$metadata#Incidents"
_MAX_TOP = 100
_OPTIONS = frozenset({"$filter", "$top", "$skip"})
_WRITTEN_STATUSES = frozenset({"Active", "InProgress", "Resolved"})
_STATUSES = _WRITTEN_STATUSES | {"Redirected", "AwaitingAction"}
_FIELDS: dict[str, Field[Incident]] = {
    "lastUpdateTime": Field(lambda incident: incident.updated, is_moment=True),
    "createdTime": Field(lambda incident: incident.created, is_moment=True),
    "status": Field(lambda incident: incident.status, names=_STATUSES),
    "assignedTo": Field(lambda incident: incident.assigned_to),
}
_POSSIBLE = {
    "status": _WRITTEN_STATUSES,
    "classification": {UNCLASSIFIED, *DETERMINATIONS},
    "determination": {UNDETERMINED, *OF_OLD, *(name for names in DETERMINATIONS.values() for name in names)},
}
_CHANGEABLE = frozenset({"status", "assignedTo", "classification", "determination", "tags", "comment"})


@xdr_endpoint
async def list_incidents(request: Request) -> Response:
    """``GET /api/incidents``"""
    caller = require(request, XDR, _READ_ROLES)
    count_xdr_call(request, caller, "list")
    world = world_of(request)
    settings = world.directory.settings
    options = dict(request.query_params)
    check_options(options, _OPTIONS)
    top = limited(options, "$top", _MAX_TOP, _MAX_TOP)
    skip = parse_number(options, "$skip", 0)
    bounds = bounds_of(options.get("$filter", ""), "lastUpdateTime")
    incidents = choose(
        world.incidents.updated_between(caller.tenant, *bounds), options, _FIELDS, settings, settings.filter_operators
    )
    page, following = cut(incidents, skip, top, settings)
    refuse_poison(request, caller.tenant, page)
    tail = b"]}"
    if settings.next_link and following is not None:
        query = urlencode({**options, "$top": top, "$skip": following})
        tail = f'],"@odata.nextLink":"{world.base_url}/api/incidents?{query}"}}'.encode()
    head = f'{{"@odata.context":"{_CONTEXT}","value":['.encode()
    answer = json_response(head + b",".join(incident.xdr_json for incident in page) + tail)
    churn(request, caller.tenant)
    return answer


@xdr_endpoint
async def get_incident(request: Request) -> Response:
    """``GET /api/incidents/{id}``"""
    caller = require(request, XDR, _READ_ROLES)
    count_xdr_call(request, caller, "get")
    incident = _find(request, caller.tenant)
    refuse_poison(request, caller.tenant, [incident])
    return _one(incident.document())


@xdr_endpoint
async def update_incident(request: Request) -> Response:
    """``PATCH /api/incidents/{id}``: tags are replaced, a comment is appended, what is left out stays."""
    caller = require(request, XDR, _WRITE_ROLES)
    count_xdr_call(request, caller, "update")
    body = await json_object(request)
    document = _find(request, caller.tenant).document()
    changes = _read_changes(body, document)
    if is_lost(request, caller.tenant):
        return _one(document)
    document = {**document, **changes}
    document["assignedTo"] = document["assignedTo"] or None
    moment = timestamps.write(change_moment(document))
    if comment := body.get("comment"):
        author = world_of(request).directory.application_name(caller.client_id)
        document["comments"].append({"comment": comment, "createdBy": author, "createdTime": moment})
    document["lastUpdateTime"] = moment
    world_of(request).incidents.save(caller.tenant, document)
    return _one(document)


def _one(document: IncidentDocument) -> Response:
    return json_response({"@odata.context": f"{_CONTEXT}/$entity", **xdr_form(document)})


def _find(request: Request, tenant: Tenant) -> Incident:
    text = request.path_params["incident_id"]
    incident = world_of(request).incidents.find(tenant, text)
    if incident is None:
        raise ApiError(404, "ResourceNotFound", f"Incident {text} was not found.")
    return incident


def _read_changes(body: JsonObject, document: IncidentDocument) -> IncidentChanges:
    """What is to change, in the names that the API itself writes, without a comment. ApiError 400 when it cannot be."""
    redirect = document["redirectIncidentId"]
    if redirect is not None:
        raise ApiError(
            400, "InvalidInput", f"Incident {document['incidentId']} is redirected to {redirect} and cannot be updated."
        )
    _check_types(body)
    given = {
        name: OTHER_NAMES.get(value, value) if name == "determination" else value
        for name, value in body.items()
        if name != "comment"
    }
    for name, possible in _POSSIBLE.items():
        if name in given and given[name] not in possible:
            raise ApiError(400, "InvalidInput", f"'{given[name]}' is not a {name} that can be set.")
    # _check_types has looked at each member.
    changes = cast("IncidentChanges", given)
    withdraw_determination(changes, document["classification"])
    if "classification" in changes or "determination" in changes:
        check_pair(
            changes.get("classification", document["classification"]),
            changes.get("determination", document["determination"]),
        )
    return changes


def _check_types(body: JsonObject) -> None:
    unknown = sorted(set(body) - _CHANGEABLE)
    if unknown:
        raise ApiError(400, "InvalidRequestBody", f"Property '{unknown[0]}' cannot be updated.")
    tags = body.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ApiError(400, "InvalidInput", "'tags' must be a list of strings.")
    for name in _CHANGEABLE - {"tags"}:
        if name in body and not isinstance(body[name], str):
            raise ApiError(400, "InvalidInput", f"'{name}' must be a string.")
