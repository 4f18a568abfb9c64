# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/_emulator/``: what a test turns and reads, in JSON, from this machine only."""

from __future__ import annotations

import dataclasses
import ipaddress
import types
import typing
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from defender_emulator.control.faults import TOKEN_KINDS, WIRE_KINDS, Fault
from defender_emulator.control.interference import CONTROL_PREFIX
from defender_emulator.entra.directory import DOCUMENTED_QUOTA, Application, Tenant, TenantSettings
from defender_emulator.entra.refusals import KINDS, Refusal
from defender_emulator.entra.resources import roles_by_resource
from defender_emulator.world import world_of

Endpoint = Callable[[Request], Awaitable[Response]]
_NOTHING = 204


class BadControl(Exception):
    """A control request that makes no sense; the message says why."""


def control_route(path: str, methods: dict[str, Endpoint]) -> Route:
    """One control path with an endpoint for each method."""

    async def answer(request: Request) -> Response:
        if request.client is None or not ipaddress.ip_address(request.client.host).is_loopback:
            return JSONResponse({"error": "the control interface answers this machine only"}, 403)
        try:
            return await methods[request.method](request)
        except BadControl as error:
            return JSONResponse({"error": str(error)}, 400)
        except Refusal as refusal:
            return JSONResponse({"error": refusal.sentence}, 404)

    return Route(CONTROL_PREFIX + path, answer, methods=list(methods))


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok", "tenants": len(world_of(request).directory.tenants)})


async def _tenants(request: Request) -> Response:
    return JSONResponse([_describe(tenant) for tenant in world_of(request).directory.tenants])


async def _tenant(request: Request) -> Response:
    return JSONResponse(_describe(_addressed(request)))


async def _change_tenant(request: Request) -> Response:
    changes = await _body(request)
    _check_fields(TenantSettings, changes)
    world_of(request).directory.change_tenant(_addressed(request), changes)
    return await _tenant(request)


async def _consent(request: Request) -> Response:
    body = await _body(request)
    roles = _by_resource(body["roles"]) if "roles" in body else None
    world_of(request).directory.consent(_addressed(request), roles)
    return JSONResponse(_describe(_addressed(request)), 201)


async def _revoke(request: Request) -> Response:
    world_of(request).directory.revoke(_addressed(request))
    return Response(status_code=_NOTHING)


async def _grants(request: Request) -> Response:
    try:
        world_of(request).directory.set_roles(_addressed(request), _by_resource((await _body(request)).get("roles")))
    except LookupError as error:
        raise BadControl(str(error)) from None
    return await _tenant(request)


async def _consent_all(request: Request) -> Response:
    directory = world_of(request).directory
    directory.consent_everywhere()
    return JSONResponse({"consented": len(directory.tenants)})


async def _requests(request: Request) -> Response:
    return JSONResponse(world_of(request).requests_seen.report())


async def _forget_requests(request: Request) -> Response:
    world_of(request).requests_seen.clear()
    return Response(status_code=_NOTHING)


async def _faults(request: Request) -> Response:
    return JSONResponse([dataclasses.asdict(fault) for fault in world_of(request).faults.all()])


async def _add_fault(request: Request) -> Response:
    body = await _body(request)
    world = world_of(request)
    if body.get("kind") not in WIRE_KINDS + TOKEN_KINDS:
        raise BadControl(f"kind must be one of {', '.join(WIRE_KINDS + TOKEN_KINDS)}")
    if body.get("code") is not None and body["code"] not in KINDS:
        raise BadControl(f"code {body['code']} is no AADSTS number the emulator knows")
    _check_fields(Fault, body)
    if body.get("tenant"):
        body["tenant"] = world.directory.resolve(body["tenant"]).tenant_id
    fault = Fault(**body)
    world.faults.add(fault)
    return JSONResponse({"id": fault.id}, 201)


async def _clear_faults(request: Request) -> Response:
    world_of(request).faults.clear()
    return Response(status_code=_NOTHING)


async def _remove_fault(request: Request) -> Response:
    if not world_of(request).faults.remove(request.path_params["fault_id"]):
        return JSONResponse({"error": "there is no such fault"}, 404)
    return Response(status_code=_NOTHING)


async def _application(request: Request) -> Response:
    application = world_of(request).directory.application
    return JSONResponse({"client_id": application.client_id, **dataclasses.asdict(application)})


async def _change_application(request: Request) -> Response:
    changes = await _body(request)
    _check_fields(Application, changes)
    for name in ("quota_per_minute", "quota_per_hour"):
        quota = changes.get(name)
        if quota not in (None, DOCUMENTED_QUOTA) and (not isinstance(quota, int) or quota < 1):
            raise BadControl(f'{name} must be a positive number, null for no limit, or "{DOCUMENTED_QUOTA}"')
    if "permissions" in changes:
        granted = changes["permissions"].values()
        names = [name for names in granted if isinstance(names, list) for name in names]
        changes["permissions"] = {"xdr": [], "graph": [], **_by_resource(names)}
    world_of(request).directory.change_application(changes)
    return await _application(request)


async def _rotate_keys(request: Request) -> Response:
    body = await _body(request)
    keys = world_of(request).signing_keys
    keys.rotate(withdraw_old=bool(body.get("withdraw_old", False)))
    return JSONResponse({"active": keys.active.kid, "published": [key.kid for key in keys.published]})


async def _reset(request: Request) -> Response:
    world_of(request).reset()
    return Response(status_code=_NOTHING)


CONTROL_ROUTES = [
    control_route("health", {"GET": _health}),
    control_route("tenants", {"GET": _tenants}),
    control_route("tenants/{tenant}", {"GET": _tenant, "PATCH": _change_tenant}),
    control_route("tenants/{tenant}/consent", {"POST": _consent, "DELETE": _revoke}),
    control_route("tenants/{tenant}/grants", {"PUT": _grants}),
    control_route("consent-all", {"POST": _consent_all}),
    control_route("requests", {"GET": _requests, "DELETE": _forget_requests}),
    control_route("faults", {"GET": _faults, "POST": _add_fault, "DELETE": _clear_faults}),
    control_route("faults/{fault_id}", {"DELETE": _remove_fault}),
    control_route("application", {"GET": _application, "PATCH": _change_application}),
    control_route("keys/rotate", {"POST": _rotate_keys}),
    control_route("reset", {"POST": _reset}),
]


def _addressed(request: Request) -> Tenant:
    return world_of(request).directory.resolve(request.path_params["tenant"])


def _describe(tenant: Tenant) -> dict[str, Any]:
    principal = tenant.service_principal
    return {
        "name": tenant.name,
        "tenant_id": tenant.tenant_id,
        "domain": tenant.domain,
        "consented": principal is not None,
        "roles": sorted(role for names in principal.roles.values() for role in names) if principal else [],
        **dataclasses.asdict(tenant.settings),
    }


async def _body(request: Request) -> dict[str, Any]:
    if not await request.body():
        return {}
    try:
        body = await request.json()
    except ValueError:
        raise BadControl("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadControl("the body must be an object")
    return body


def _by_resource(roles: object) -> dict[str, list[str]]:
    if not isinstance(roles, list):
        raise BadControl("roles must be a list of application permissions")
    try:
        return roles_by_resource(roles)
    except KeyError as error:
        raise BadControl(f"no API has an application permission {error}") from None


def _check_fields(described: type, body: dict[str, Any]) -> None:
    """Refuse names and types that the dataclass does not have, so that a typing error is not silently ignored."""
    hints = typing.get_type_hints(described)
    for name, value in body.items():
        if name not in {field.name for field in dataclasses.fields(described)}:
            raise BadControl(f"there is no '{name}' to set")
        hint = hints[name]
        allowed = hint.__args__ if isinstance(hint, types.UnionType) else (hint,)
        plain = tuple(typing.get_origin(part) or part for part in allowed)
        if not isinstance(value, (*plain, int) if float in plain else plain):
            raise BadControl(f"'{name}' cannot be {value!r}")
