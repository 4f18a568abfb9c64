# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Defender XDR incident API (``api.security.microsoft.com``).

Microsoft does not document which filter operators there are, what a list of tags does to the old ones, or what an empty
``assignedTo`` does: the answers here are those that public clients rely on.
Sources: learn.microsoft.com, api-list-incidents, api-get-incident, api-update-incidents, api-error-codes.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import timestamps
from defender_emulator.defender.bearer import ApiError, json_response, require
from defender_emulator.defender.incidents import Incident
from defender_emulator.entra.bearer import Caller, challenge
from defender_emulator.entra.resources import XDR
from defender_emulator.entra.tenants import Tenant
from defender_emulator.odata import Field, QueryError, parse_filter, parse_number
from defender_emulator.world import world_of

_READ_ROLES = ("Incident.Read.All", "Incident.ReadWrite.All")
_WRITE_ROLES = ("Incident.ReadWrite.All",)
_CONTEXT = "https://api.security.microsoft.com/api/$metadata#Incidents"
_MAX_TOP = 100
_OPTIONS = frozenset({"$filter", "$top", "$skip"})
_STATUSES = frozenset({"Active", "InProgress", "Resolved", "Redirected"})
_FIELDS = {
    "lastUpdateTime": Field(lambda incident: incident.updated, is_moment=True),
    "createdTime": Field(lambda incident: incident.created, is_moment=True),
    "status": Field(lambda incident: incident.status, names=_STATUSES),
    "assignedTo": Field(lambda incident: incident.assigned_to),
}
_DETERMINATIONS = {
    "TruePositive": {
        "MultiStagedAttack",
        "MaliciousUserActivity",
        "CompromisedAccount",
        "Malware",
        "Phishing",
        "UnwantedSoftware",
        "Other",
    },
    "InformationalExpectedActivity": {"SecurityTesting", "LineOfBusinessApplication", "ConfirmedActivity", "Other"},
    "FalsePositive": {"Clean", "NoEnoughDataToValidate", "Other"},
}
_CHANGEABLE = frozenset({"status", "assignedTo", "classification", "determination", "tags", "comment"})

Endpoint = Callable[[Request], Awaitable[Response]]


def _answering_errors(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as error:
            body = {"error": {"code": error.code, "message": error.message, "target": str(uuid.uuid4())}}
            headers = challenge(request, error.message) if error.status == 401 else None
            return json_response(body, error.status, headers)
        except QueryError as error:
            body = {"error": {"code": "BadRequest", "message": str(error), "target": str(uuid.uuid4())}}
            return json_response(body, 400)

    return answer


@_answering_errors
async def list_incidents(request: Request) -> Response:
    """``GET /api/incidents``"""
    caller = require(request, XDR, _READ_ROLES)
    _count_call(request, caller, "list")
    world = world_of(request)
    options = dict(request.query_params)
    for name in options:
        if name.startswith("$") and name not in _OPTIONS:
            raise QueryError(f"The query option '{name}' is not supported.")
    top = parse_number(options, "$top", _MAX_TOP)
    if top > _MAX_TOP:
        raise QueryError(f"The limit of '{_MAX_TOP}' for Top query has been exceeded. The value is '{top}'.")
    skip = parse_number(options, "$skip", 0)
    incidents = list(world.incidents.of(caller.tenant).values())
    if "$filter" in options:
        matches = parse_filter(options["$filter"], _FIELDS)
        incidents = [incident for incident in incidents if matches(incident)]
    page = incidents[skip : skip + top]
    tail = b"]}"
    if world.directory.settings.next_link and skip + top < len(incidents):
        query = urlencode({**options, "$top": top, "$skip": skip + top})
        tail = f'],"@odata.nextLink":"{world.base_url}/api/incidents?{query}"}}'.encode()
    head = f'{{"@odata.context":"{_CONTEXT}","value":['.encode()
    return json_response(head + b",".join(incident.json for incident in page) + tail)


@_answering_errors
async def get_incident(request: Request) -> Response:
    """``GET /api/incidents/{id}``"""
    caller = require(request, XDR, _READ_ROLES)
    _count_call(request, caller, "get")
    return _one(_find(request, caller.tenant).document())


@_answering_errors
async def update_incident(request: Request) -> Response:
    """``PATCH /api/incidents/{id}``: tags are replaced, a comment is appended, what is left out stays."""
    caller = require(request, XDR, _WRITE_ROLES)
    _count_call(request, caller, "update")
    document = _find(request, caller.tenant).document()
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ApiError(415, "UnsupportedMediaType", "The Content-Type of the request must be application/json.")
    try:
        changes = await request.json()
    except ValueError:
        raise ApiError(400, "InvalidRequestBody", "The request body is not JSON.") from None
    _check_changes(changes, document["classification"])
    comment = changes.pop("comment", None)
    document.update(changes)
    document["assignedTo"] = document["assignedTo"] or None
    now = timestamps.write(timestamps.now())
    if comment:
        author = world_of(request).directory.application_name(caller.client_id)
        document["comments"].append({"comment": comment, "createdBy": author, "createdTime": now})
    document["lastUpdateTime"] = now
    world_of(request).incidents.save(caller.tenant, document)
    return _one(document)


def _one(document: dict[str, Any]) -> Response:
    return json_response({"@odata.context": f"{_CONTEXT}/$entity", **document})


def _find(request: Request, tenant: Tenant) -> Incident:
    text = request.path_params["incident_id"]
    incident = world_of(request).incidents.find(tenant, text)
    if incident is None:
        raise ApiError(404, "ResourceNotFound", f"Incident {text} was not found.")
    return incident


def _count_call(request: Request, caller: Caller, call: str) -> None:
    world = world_of(request)
    sentence = world.quotas.exceeded(caller.client_id, caller.tenant.tenant_id, call, world.directory.settings)
    if sentence:
        raise ApiError(429, "429", sentence)


def _check_changes(changes: Any, current_classification: str) -> None:
    if not isinstance(changes, dict) or not changes:
        raise ApiError(400, "InvalidRequestBody", "The request body must be an object with at least one property.")
    unknown = sorted(set(changes) - _CHANGEABLE)
    if unknown:
        raise ApiError(400, "InvalidRequestBody", f"Property '{unknown[0]}' cannot be updated.")
    tags = changes.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ApiError(400, "InvalidInput", "'tags' must be a list of strings.")
    for name in _CHANGEABLE - {"tags"}:
        if name in changes and not isinstance(changes[name], str):
            raise ApiError(400, "InvalidInput", f"'{name}' must be a string.")
    if changes.get("status", "Active") not in _STATUSES - {"Redirected"}:
        raise ApiError(400, "InvalidInput", f"'{changes['status']}' is not a status that can be set.")
    classification = changes.get("classification", current_classification)
    if "classification" in changes and classification not in _DETERMINATIONS:
        raise ApiError(400, "InvalidInput", f"'{classification}' is not a classification.")
    determination = changes.get("determination")
    if determination is not None and determination not in _DETERMINATIONS.get(classification, set()):
        raise ApiError(400, "InvalidInput", f"The determination '{determination}' does not go with the classification.")
