# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident calls of Microsoft Graph security (``graph.microsoft.com/v1.0``).

Sources: learn.microsoft.com, security-list-incidents, security-incident-update, security-incident-post-comments; the
refusal of a large ``$top`` as seen in a public log.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import timestamps
from defender_emulator.defender.answers import graph_endpoint, json_object
from defender_emulator.defender.bearer import ApiError, json_response, require
from defender_emulator.defender.documents import IncidentDocument
from defender_emulator.defender.graph_changes import read_comment, read_incident_changes
from defender_emulator.defender.graph_forms import Writer, enum_name, incident_comments
from defender_emulator.defender.graph_pages import Collection
from defender_emulator.defender.incidents import Incident, change_moment
from defender_emulator.defender.listing import check_options, is_lost, refuse_poison
from defender_emulator.defender.throttling import count_graph_call
from defender_emulator.entra.bearer import Caller
from defender_emulator.entra.resources import GRAPH
from defender_emulator.graph_paths import graph_metadata
from defender_emulator.odata import Field, QueryError, bounds_of
from defender_emulator.world import world_of

READ_ROLES = ("SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All")
_WRITE_ROLES = ("SecurityIncident.ReadWrite.All",)
_WRITTEN_STATUSES = {"active": "Active", "inProgress": "InProgress", "resolved": "Resolved"}
_INCIDENTS: Collection[Incident] = Collection(
    name="incidents",
    kind="incident",
    fields={
        "lastUpdateDateTime": Field(lambda incident: incident.updated, is_moment=True),
        "createdDateTime": Field(lambda incident: incident.created, is_moment=True),
        "status": Field(
            lambda incident: enum_name(incident.status),
            names=frozenset({*_WRITTEN_STATUSES, "redirected", "awaitingAction"}),
        ),
        "severity": Field(
            lambda incident: enum_name(incident.severity),
            names=frozenset({"unknown", "informational", "low", "medium", "high"}),
        ),
        "classification": Field(lambda incident: enum_name(incident.classification)),
        "determination": Field(lambda incident: enum_name(incident.determination)),
        "assignedTo": Field(lambda incident: incident.assigned_to),
    },
    default_top=50,
    max_top=50,
    options=frozenset({"$expand", "$select"}),
)


@graph_endpoint
async def list_incidents(request: Request) -> Response:
    """``GET /v1.0/security/incidents``"""
    tenant = _caller(request, READ_ROLES).tenant
    with_alerts, writer = _expanded(request), Writer.for_request(request, tenant)
    bounds = bounds_of(request.query_params.get("$filter", ""), "lastUpdateDateTime")
    return _INCIDENTS.page(
        request,
        tenant,
        world_of(request).incidents.updated_between(tenant, *bounds),
        lambda incident: writer.incident(incident.document(), with_alerts=with_alerts),
    )


@graph_endpoint
async def get_incident(request: Request) -> Response:
    """``GET /v1.0/security/incidents/{id}``"""
    caller = _caller(request, READ_ROLES)
    check_options(request.query_params, {"$expand", "$select"})
    with_alerts = _expanded(request)
    incident = find_incident(request, caller)
    refuse_poison(request, caller.tenant, [incident], expanded=with_alerts)
    return _one(request, caller, incident.document(), with_alerts=with_alerts)


@graph_endpoint
async def update_incident(request: Request) -> Response:
    """``PATCH /v1.0/security/incidents/{id}``"""
    caller = _caller(request, _WRITE_ROLES)
    body = await json_object(request)
    document = _changeable(request, caller)
    changes = read_incident_changes(body, document, _WRITTEN_STATUSES)
    if is_lost(request, caller.tenant):
        return _one(request, caller, document, with_alerts=False)
    document = {**document, **changes}
    document["lastUpdateTime"] = timestamps.write(change_moment(document))
    world_of(request).incidents.save(caller.tenant, document)
    return _one(request, caller, document, with_alerts=False)


@graph_endpoint
async def add_comment(request: Request) -> Response:
    """``POST /v1.0/security/incidents/{id}/comments``: answers every comment of the incident."""
    caller = _caller(request, _WRITE_ROLES)
    text = await read_comment(request)
    document = _changeable(request, caller)
    moment = timestamps.write(change_moment(document))
    author = world_of(request).directory.application_name(caller.client_id)
    document["comments"].append({"comment": text, "createdBy": author, "createdTime": moment})
    document["lastUpdateTime"] = moment
    world_of(request).incidents.save(caller.tenant, document)
    context = f"{graph_metadata(request)}#security/incidents('{document['incidentId']}')/comments"
    return json_response({"@odata.context": context, "value": incident_comments(document)})


def _caller(request: Request, roles: tuple[str, ...]) -> Caller:
    caller = require(request, GRAPH, roles)
    count_graph_call(request, caller, "graph")
    return caller


def _expanded(request: Request) -> bool:
    expand = request.query_params.get("$expand")
    if expand not in (None, "alerts"):
        raise QueryError(f"Could not find a property named '{expand}' to expand.")
    return expand is not None


def find_incident(request: Request, caller: Caller) -> Incident:
    """The incident that the path names. ApiError 404 when the tenant has none of that id."""
    text = request.path_params["incident_id"]
    incident = world_of(request).incidents.find(caller.tenant, text)
    if incident is None:
        raise ApiError(404, "ResourceNotFound", f"Incident '{text}' does not exist.")
    return incident


def _changeable(request: Request, caller: Caller) -> IncidentDocument:
    document = find_incident(request, caller).document()
    redirect = document["redirectIncidentId"]
    if redirect is not None:
        # Not documented; a change would be lost on an incident that nobody sees any more.
        raise ApiError(400, "BadRequest", f"Incident '{document['incidentId']}' is redirected to '{redirect}'.")
    return document


def _one(request: Request, caller: Caller, document: IncidentDocument, *, with_alerts: bool) -> Response:
    incident = Writer.for_request(request, caller.tenant).incident(document, with_alerts=with_alerts)
    return _INCIDENTS.one(request, incident)
