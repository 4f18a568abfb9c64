# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert calls of Microsoft Graph security (``graph.microsoft.com/v1.0``).

How many alerts a page has without ``$top`` is not documented.
Sources: learn.microsoft.com, security-list-alerts_v2, security-alert-get, security-alert-update,
security-alert-post-comments; the limits of ``$top`` and ``$skip``: security-error-codes.
"""

from __future__ import annotations

import dataclasses

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import timestamps
from defender_emulator.defender.alerts import Alert, alerts_of, find_alert
from defender_emulator.defender.answers import graph_endpoint, json_object
from defender_emulator.defender.bearer import ApiError, json_response, require
from defender_emulator.defender.documents import AlertDocument, IncidentDocument
from defender_emulator.defender.graph_changes import read_changes, read_comment
from defender_emulator.defender.graph_forms import Writer, enum_name, service_source
from defender_emulator.defender.graph_incidents import READ_ROLES as INCIDENT_ROLES
from defender_emulator.defender.graph_incidents import find_incident
from defender_emulator.defender.graph_pages import Collection
from defender_emulator.defender.incidents import Incident, change_moment
from defender_emulator.defender.listing import check_options, is_lost, refuse_poison
from defender_emulator.defender.throttling import count_graph_call
from defender_emulator.entra.bearer import Caller
from defender_emulator.entra.resources import GRAPH
from defender_emulator.graph_paths import graph_metadata
from defender_emulator.odata import Field
from defender_emulator.world import world_of

_READ_ROLES = ("SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All")
_WRITE_ROLES = ("SecurityAlert.ReadWrite.All",)
_STATUSES = {"new": "New", "inProgress": "InProgress", "resolved": "Resolved"}
_ALERTS: Collection[Alert] = Collection(
    name="alerts_v2",
    kind="alert",
    fields={
        "lastUpdateDateTime": Field(lambda alert: alert.updated, is_moment=True),
        "createdDateTime": Field(lambda alert: alert.created, is_moment=True),
        "status": Field(lambda alert: enum_name(alert.document["status"]), names=frozenset(_STATUSES)),
        "severity": Field(
            lambda alert: enum_name(alert.document["severity"]),
            names=frozenset({"unknown", "informational", "low", "medium", "high"}),
        ),
        "classification": Field(lambda alert: enum_name(alert.document["classification"] or "Unknown")),
        "determination": Field(lambda alert: enum_name(alert.document["determination"] or "NotAvailable")),
        "serviceSource": Field(lambda alert: service_source(alert.document)),
        "assignedTo": Field(lambda alert: alert.document["assignedTo"]),
    },
    default_top=100,
    max_top=1000,
    max_skip=500,
)


@graph_endpoint
async def list_alerts(request: Request) -> Response:
    """``GET /v1.0/security/alerts_v2``"""
    tenant = _caller(request, _READ_ROLES).tenant
    writer = Writer.for_request(request, tenant)
    alerts = alerts_of(world_of(request).incidents.of(tenant).values())
    return _ALERTS.page(request, tenant, alerts, lambda alert: writer.alert(alert.document))


@graph_endpoint
async def list_alerts_of_incident(request: Request) -> Response:
    """``GET /v1.0/security/incidents/{id}/alerts``, for who may read incidents"""
    caller = require(request, GRAPH, INCIDENT_ROLES)
    count_graph_call(request, caller, "graph")
    writer = Writer.for_request(request, caller.tenant)
    incident = find_incident(request, caller)
    collection = dataclasses.replace(_ALERTS, name=f"incidents('{incident.incident_id}')/alerts")
    return collection.page(request, caller.tenant, alerts_of([incident]), lambda alert: writer.alert(alert.document))


@graph_endpoint
async def get_alert(request: Request) -> Response:
    """``GET /v1.0/security/alerts_v2/{id}``"""
    caller = _caller(request, _READ_ROLES)
    check_options(request.query_params, {"$select"})
    incident, place = _find(request, caller)
    refuse_poison(request, caller.tenant, [incident])
    return _one(request, caller, incident.document()["alerts"][place])


@graph_endpoint
async def update_alert(request: Request) -> Response:
    """``PATCH /v1.0/security/alerts_v2/{id}``: moves the last update of the alert and of its incident."""
    caller = _caller(request, _WRITE_ROLES)
    body = await json_object(request)
    incident, place = _find(request, caller)
    document = incident.document()
    alert = document["alerts"][place]
    changes = read_changes(body, alert, _STATUSES)
    if is_lost(request, caller.tenant):
        return _one(request, caller, alert)
    alert = document["alerts"][place] = {**alert, **changes}
    moment = _touch(document, alert)
    alert["resolvedTime"] = (alert["resolvedTime"] or moment) if alert["status"] == "Resolved" else None
    world_of(request).incidents.save(caller.tenant, document)
    return _one(request, caller, alert)


@graph_endpoint
async def add_comment(request: Request) -> Response:
    """``POST /v1.0/security/alerts_v2/{id}/comments``: answers every comment of the alert."""
    caller = _caller(request, _WRITE_ROLES)
    text = await read_comment(request)
    incident, place = _find(request, caller)
    world = world_of(request)
    document = incident.document()
    alert = document["alerts"][place]
    moment = _touch(document, alert)
    author = world.directory.application_name(caller.client_id)
    comment = {"comment": text, "createdByDisplayName": author, "createdDateTime": moment}
    world.alert_comments.add(caller.tenant, alert["alertId"], comment)
    world.incidents.save(caller.tenant, document)
    written = Writer.for_request(request, caller.tenant).alert(alert)
    context = f"{graph_metadata(request)}#security/alerts_v2('{alert['alertId']}')/comments"
    return json_response({"@odata.context": context, "value": written["comments"]})


def _caller(request: Request, roles: tuple[str, ...]) -> Caller:
    caller = require(request, GRAPH, roles)
    count_graph_call(request, caller, "alerts")
    return caller


def _find(request: Request, caller: Caller) -> tuple[Incident, int]:
    text = request.path_params["alert_id"]
    found = find_alert(world_of(request).incidents.of(caller.tenant).values(), text)
    if found is None:
        raise ApiError(404, "ResourceNotFound", f"Alert '{text}' does not exist.")
    return found


def _touch(document: IncidentDocument, alert: AlertDocument) -> str:
    moment = timestamps.write(max(change_moment(document), timestamps.read(alert["lastUpdatedTime"]) + 1))
    document["lastUpdateTime"] = alert["lastUpdatedTime"] = moment
    return moment


def _one(request: Request, caller: Caller, alert: AlertDocument) -> Response:
    written = Writer.for_request(request, caller.tenant).alert(alert)
    return _ALERTS.one(request, written)
