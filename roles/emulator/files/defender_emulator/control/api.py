# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/_emulator/``: what a test turns and reads, in JSON, from this machine only."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from defender_emulator.control import incidents, partnership, policies, registrations
from defender_emulator.control.body import BadControl, by_resource, check_fields, read_body
from defender_emulator.control.faults import KINDS as FAULT_KINDS
from defender_emulator.control.faults import STATUSES, Fault
from defender_emulator.control.interference import CONTROL_PREFIX
from defender_emulator.entra.refusals import KINDS, Refusal
from defender_emulator.entra.resources import RESOURCES
from defender_emulator.entra.tenants import Tenant, TenantSettings
from defender_emulator.json_text import JsonResponse
from defender_emulator.world import world_of

Endpoint = Callable[[Request], Awaitable[Response]]
_NOTHING = 204


def control_route(path: str, methods: dict[str, Endpoint]) -> Route:
    """One control path with an endpoint for each method."""

    async def answer(request: Request) -> Response:
        if request.client is None or not ipaddress.ip_address(request.client.host).is_loopback:
            return JsonResponse({"error": "the control interface answers this machine only"}, 403)
        try:
            return await methods["GET" if request.method == "HEAD" else request.method](request)
        except BadControl as error:
            return JsonResponse({"error": str(error)}, 400)
        except Refusal as refusal:
            return JsonResponse({"error": refusal.sentence}, 404)

    return Route(CONTROL_PREFIX + path, answer, methods=list(methods))


async def _health(request: Request) -> Response:
    return JsonResponse({"status": "ok", "tenants": len(world_of(request).directory.tenants.customers)})


async def _tenants(request: Request) -> Response:
    return JsonResponse([_describe(request, tenant) for tenant in world_of(request).directory.tenants.customers])


async def _tenant(request: Request) -> Response:
    return JsonResponse(_describe(request, _addressed(request)))


async def _change_tenant(request: Request) -> Response:
    changes = await read_body(request)
    check_fields(TenantSettings, changes)
    world_of(request).directory.tenants.change(_addressed(request), changes)
    return await _tenant(request)


async def _consent(request: Request) -> Response:
    body = await read_body(request)
    roles = by_resource(body["roles"]) if "roles" in body else None
    tenant, application = _addressed(request), registrations.addressed(request)
    world_of(request).directory.consent(tenant, application, roles)
    return JsonResponse(_describe(request, tenant), 201)


async def _revoke(request: Request) -> Response:
    principals = world_of(request).directory.service_principals
    principal = principals.find(_addressed(request), registrations.client_id(request))
    if principal is not None:
        principals.remove(principal)
    return Response(status_code=_NOTHING)


async def _grants(request: Request) -> Response:
    directory, tenant = world_of(request).directory, _addressed(request)
    roles = by_resource((await read_body(request)).get("roles"))
    principal = directory.service_principals.find(tenant, registrations.client_id(request))
    if principal is None:
        raise BadControl(f"{tenant.name} has no service principal: consent first")
    directory.set_roles(tenant, principal, roles)
    return await _tenant(request)


async def _consent_all(request: Request) -> Response:
    directory = world_of(request).directory
    directory.consent_everywhere(registrations.addressed(request))
    return JsonResponse({"consented": len(directory.tenants.customers)})


async def _requests(request: Request) -> Response:
    return JsonResponse(world_of(request).requests_seen.report())


async def _forget_requests(request: Request) -> Response:
    world_of(request).requests_seen.clear()
    return Response(status_code=_NOTHING)


async def _faults(request: Request) -> Response:
    return JsonResponse([dataclasses.asdict(fault) for fault in world_of(request).faults.all()])


async def _add_fault(request: Request) -> Response:
    body = await read_body(request)
    world = world_of(request)
    if body.get("kind") not in FAULT_KINDS:
        raise BadControl(f"kind must be one of {', '.join(FAULT_KINDS)}")
    check_fields(Fault, body)
    if body.get("code") is not None and body["code"] not in KINDS:
        raise BadControl(f"code {body['code']} is no AADSTS number the emulator knows")
    if body.get("status") is not None and body["status"] not in STATUSES:
        raise BadControl("status must be one of an answer with a body, from 200 to 599")
    if not re.fullmatch(r"[ -~]*", str(body.get("retry_after", ""))):
        raise BadControl("retry_after must be a number, or a text that a header can have")
    if body.get("tenant"):
        body["tenant"] = world.directory.tenants.resolve(body["tenant"]).tenant_id
    fault = Fault(**body)
    world.faults.add(fault)
    return JsonResponse({"id": fault.id}, 201)


async def _clear_faults(request: Request) -> Response:
    world_of(request).faults.clear()
    return Response(status_code=_NOTHING)


async def _remove_fault(request: Request) -> Response:
    if not world_of(request).faults.remove(request.path_params["fault_id"]):
        return JsonResponse({"error": "there is no such fault"}, 404)
    return Response(status_code=_NOTHING)


async def _rotate_keys(request: Request) -> Response:
    body = await read_body(request)
    keys = world_of(request).signing_keys
    keys.rotate(withdraw_old=bool(body.get("withdraw_old", False)))
    return JsonResponse({"active": keys.active.kid, "published": [key.kid for key in keys.published]})


async def _reset(request: Request) -> Response:
    world_of(request).reset()
    return Response(status_code=_NOTHING)


CONTROL_ROUTES = [
    control_route("health", {"GET": _health}),
    control_route("tenants", {"GET": _tenants}),
    control_route("tenants/{tenant}", {"GET": _tenant, "PATCH": _change_tenant}),
    control_route("tenants/{tenant}/consent", {"POST": _consent, "DELETE": _revoke}),
    control_route("tenants/{tenant}/grants", {"PUT": _grants}),
    control_route("tenants/{tenant}/incidents", {"GET": incidents.show, "POST": incidents.put}),
    control_route("tenants/{tenant}/incidents/{incident_id}", {"PATCH": incidents.change, "DELETE": incidents.remove}),
    control_route("consent-all", {"POST": _consent_all}),
    control_route("partner", {"GET": partnership.show, "POST": partnership.put, "DELETE": partnership.clear}),
    control_route("partner-all", {"POST": partnership.put_all}),
    control_route("policies", {"GET": policies.show, "PUT": policies.put, "DELETE": policies.clear}),
    control_route("requests", {"GET": _requests, "DELETE": _forget_requests}),
    control_route("faults", {"GET": _faults, "POST": _add_fault, "DELETE": _clear_faults}),
    control_route("faults/{fault_id}", {"DELETE": _remove_fault}),
    control_route("application", {"GET": registrations.sample, "PATCH": registrations.change_sample}),
    control_route("applications", {"GET": registrations.applications}),
    control_route("applications/{client_id}/credentials/{key_id}", {"PATCH": registrations.change_credential}),
    control_route("registrar", {"PATCH": registrations.change_registrar}),
    control_route("service-principals/{tenant}", {"GET": registrations.service_principals}),
    control_route("keys/rotate", {"POST": _rotate_keys}),
    control_route("reset", {"POST": _reset}),
]


def _addressed(request: Request) -> Tenant:
    return world_of(request).directory.tenants.resolve(request.path_params["tenant"])


def _describe(request: Request, tenant: Tenant) -> dict[str, object]:
    directory = world_of(request).directory
    principal = directory.service_principals.find(tenant, registrations.client_id(request))
    roles = [role for api in RESOURCES for role in directory.roles(tenant, principal, api)] if principal else []
    return {
        "name": tenant.name,
        "tenant_id": tenant.tenant_id,
        "domain": tenant.domain,
        "consented": principal is not None,
        "roles": sorted(roles),
        **dataclasses.asdict(tenant.settings),
    }
