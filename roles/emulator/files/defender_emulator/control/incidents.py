# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control calls about a tenant's incidents: what a test wants to be there, as documents of the Defender XDR API."""

from __future__ import annotations

import itertools

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import timestamps
from defender_emulator.control.body import BadControl, read_body
from defender_emulator.control.incident_documents import read_incident
from defender_emulator.defender import generator
from defender_emulator.defender.documents import GRAPH_ONLY
from defender_emulator.defender.incidents import Incident, change_moment, xdr_form
from defender_emulator.entra.tenants import Tenant
from defender_emulator.json_text import JsonObject, JsonResponse
from defender_emulator.world import world_of

_MOST_ALERTS = 10_000


async def show(request: Request) -> Response:
    """``GET tenants/{tenant}/incidents``"""
    incidents = world_of(request).incidents.of(_tenant(request)).values()
    written = b",".join(incident.xdr_json for incident in incidents)
    return Response(b'{"incidents":[' + written + b"]}", media_type="application/json")


async def put(request: Request) -> Response:
    """``POST tenants/{tenant}/incidents``: add or replace; the generator tells what is left out."""
    body = await read_body(request)
    wanted = body.get("incidents")
    if set(body) != {"incidents"} or not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise BadControl('the body must be {"incidents": [...]}, a list of objects')
    counts = [_take_count(given) for given in wanted]
    wanted = [read_incident(given) for given in wanted]
    tenant, incidents = _tenant(request), world_of(request).incidents
    taken = (*incidents.of(tenant), *(given["incidentId"] for given in wanted if "incidentId" in given))
    free = itertools.count(max(taken, default=0) + 1)
    for given in wanted:
        if "incidentId" not in given:
            given["incidentId"] = next(free)
    incidents.save(
        tenant, *(generator.complete(tenant, given, count) for given, count in zip(wanted, counts, strict=True))
    )
    return JsonResponse({"ids": [given["incidentId"] for given in wanted]}, 201)


async def change(request: Request) -> Response:
    """``PATCH tenants/{tenant}/incidents/{incident_id}``: what is given, as if an analyst had changed it now."""
    changes = read_incident(await read_body(request))
    if "incidentId" in changes:
        raise BadControl("'incidentId' cannot be changed")
    incident = _incident(request)
    if incident is None:
        return _missing()
    document = incident.document()
    moment = timestamps.write(change_moment(document))
    beside = {**document.get(GRAPH_ONLY, {}), **changes.pop(GRAPH_ONLY, {})}
    given = {**document, "lastUpdateTime": moment, **changes, **({GRAPH_ONLY: beside} if beside else {})}
    document = generator.complete(_tenant(request), given)
    world_of(request).incidents.save(_tenant(request), document)
    return JsonResponse(xdr_form(document))


async def remove(request: Request) -> Response:
    """``DELETE tenants/{tenant}/incidents/{incident_id}``"""
    incident = _incident(request)
    if incident is None:
        return _missing()
    world_of(request).incidents.remove(_tenant(request), incident)
    return Response(status_code=204)


def _take_count(given: JsonObject) -> int | None:
    count = given.pop("alert_count", None)
    if count is not None and (not isinstance(count, int) or not 0 <= count <= _MOST_ALERTS or "alerts" in given):
        raise BadControl(f"'alert_count' must be a number up to {_MOST_ALERTS}, and stands instead of 'alerts'")
    return count


def _tenant(request: Request) -> Tenant:
    return world_of(request).directory.tenants.resolve(request.path_params["tenant"])


def _incident(request: Request) -> Incident | None:
    return world_of(request).incidents.find(_tenant(request), request.path_params["incident_id"])


def _missing() -> Response:
    return JsonResponse({"error": "the tenant has no such incident"}, 404)
