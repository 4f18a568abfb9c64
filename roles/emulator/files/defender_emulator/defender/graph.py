# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident calls of Microsoft Graph security (``graph.microsoft.com/v1.0``).

Sources: learn.microsoft.com, security-list-incidents; the refusal of a large ``$top`` as seen in a public log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator.defender.bearer import ApiError, json_response, require
from defender_emulator.defender.graph_incident import enum_name, graph_incident
from defender_emulator.entra.bearer import challenge
from defender_emulator.entra.resources import GRAPH
from defender_emulator.graph_errors import GraphError, error_response
from defender_emulator.odata import Field, QueryError, parse_filter, parse_number
from defender_emulator.world import world_of

_ROLES = ("SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All")
_CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#security/incidents"
_MAX_TOP = 50
_OPTIONS = frozenset({"$filter", "$top", "$skip", "$count", "$expand"})
_FIELDS = {
    "lastUpdateDateTime": Field(lambda incident: incident.updated, is_moment=True),
    "createdDateTime": Field(lambda incident: incident.created, is_moment=True),
    "status": Field(
        lambda incident: enum_name(incident.status), names=frozenset({"active", "inProgress", "resolved", "redirected"})
    ),
    "severity": Field(
        lambda incident: enum_name(incident.severity),
        names=frozenset({"unknown", "informational", "low", "medium", "high"}),
    ),
    "classification": Field(lambda incident: enum_name(incident.classification)),
    "determination": Field(lambda incident: enum_name(incident.determination)),
    "assignedTo": Field(lambda incident: incident.assigned_to),
}

Endpoint = Callable[[Request], Awaitable[Response]]


def _answering_errors(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as error:
            if error.status == 401:
                refusal = GraphError(401, "InvalidAuthenticationToken", error.message)
                return error_response(request, refusal, challenge(request, error.message))
            return error_response(request, GraphError(error.status, error.code, error.message))
        except QueryError as error:
            # The code really is empty.
            message = f"The query specified in the URI is not valid. {error}"
            return error_response(request, GraphError(400, "", message))

    return answer


@_answering_errors
async def list_incidents(request: Request) -> Response:
    """``GET /v1.0/security/incidents``"""
    tenant = require(request, GRAPH, _ROLES).tenant
    world = world_of(request)
    options = dict(request.query_params)
    _check_options(options)
    top = parse_number(options, "$top", _MAX_TOP)
    if top > _MAX_TOP:
        raise QueryError(
            f"The limit of '{_MAX_TOP}' for Top query has been exceeded. "
            f"The value from the incoming request is '{top}'."
        )
    skip = parse_number(options, "$skip", 0)
    incidents = list(world.incidents.of(tenant).values())
    if "$filter" in options:
        matches = parse_filter(options["$filter"], _FIELDS)
        incidents = [incident for incident in incidents if matches(incident)]
    body: dict[str, object] = {"@odata.context": _CONTEXT}
    if options.get("$count") == "true":
        body["@odata.count"] = len(incidents)
    if top and skip + top < len(incidents):
        query = urlencode({**options, "$top": top, "$skip": skip + top})
        body["@odata.nextLink"] = f"{world.base_url}/v1.0/security/incidents?{query}"
    body["value"] = [
        graph_incident(incident.document(), tenant.tenant_id, with_alerts="$expand" in options)
        for incident in incidents[skip : skip + top]
    ]
    return json_response(body)


@_answering_errors
async def get_incident(request: Request) -> Response:
    """``GET /v1.0/security/incidents/{id}``"""
    tenant = require(request, GRAPH, _ROLES).tenant
    options = dict(request.query_params)
    _check_options(options)
    text = request.path_params["incident_id"]
    incident = world_of(request).incidents.find(tenant, text)
    if incident is None:
        raise ApiError(404, "ResourceNotFound", f"Incident '{text}' does not exist.")
    body = graph_incident(incident.document(), tenant.tenant_id, with_alerts="$expand" in options)
    return json_response({"@odata.context": f"{_CONTEXT}/$entity", **body})


def _check_options(options: dict[str, str]) -> None:
    for name in options:
        if name.startswith("$") and name not in _OPTIONS:
            raise QueryError(f"The query option '{name}' is not supported.")
    if options.get("$expand", "alerts") != "alerts":
        raise QueryError(f"Could not find a property named '{options['$expand']}' to expand.")
