# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control calls about applications, their credentials and their service principals."""

from __future__ import annotations

import dataclasses

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import timestamps
from defender_emulator.control.body import BadControl, by_resource, check_fields, read_body
from defender_emulator.entra.applications import Application
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.registered_at_first import REGISTRAR_ID, SAMPLE_ID
from defender_emulator.entra.resources import RESOURCES
from defender_emulator.entra.sample_application import SampleSettings, change_settings, read_settings
from defender_emulator.entra.service_settings import DOCUMENTED_QUOTA, INCIDENT_ORDERS, ServiceSettings
from defender_emulator.json_text import JsonResponse
from defender_emulator.odata import OPERATORS
from defender_emulator.world import world_of

_DATES = frozenset({"startDateTime", "endDateTime"})


def client_id(request: Request) -> str:
    """The application that ``?client_id=`` names: without it, the sample application."""
    return request.query_params.get("client_id", SAMPLE_ID)


def addressed(request: Request) -> Application:
    """The application of ``client_id``. Refusal 700016 when there is none."""
    return _find(request, client_id(request))


async def sample(request: Request) -> Response:
    """``GET application``: the services' settings, and those of the sample application while there is one."""
    directory = world_of(request).directory
    application = directory.sample
    described: dict[str, object] = dataclasses.asdict(directory.settings)
    if application is not None:
        described |= {"client_id": application.client_id, **dataclasses.asdict(read_settings(application))}
    return JsonResponse(described)


async def change_sample(request: Request) -> Response:
    """``PATCH application``"""
    world = world_of(request)
    changes = await read_body(request)
    of_services = {field.name for field in dataclasses.fields(ServiceSettings)}
    for_services = {name: value for name, value in changes.items() if name in of_services}
    for_sample = {name: value for name, value in changes.items() if name not in of_services}
    check_fields(ServiceSettings, for_services)
    check_fields(SampleSettings, for_sample)
    for name in ("quota_per_minute", "quota_per_hour"):
        quota = changes.get(name)
        if quota not in (None, DOCUMENTED_QUOTA) and (not isinstance(quota, int) or quota < 1):
            raise BadControl(f'{name} must be a positive number, null for no limit, or "{DOCUMENTED_QUOTA}"')
    if changes.get("incident_order", "generated") not in INCIDENT_ORDERS:
        raise BadControl(f"incident_order must be one of {', '.join(INCIDENT_ORDERS)}")
    unknown = [name for name in changes.get("filter_operators", []) if str(name) not in OPERATORS]
    if unknown:
        raise BadControl(f"{unknown[0]!r} is no comparison operator: they are {', '.join(OPERATORS)}")
    if changes.get("max_page") is not None and changes["max_page"] < 1:
        raise BadControl("max_page must be a positive number, or null for no limit")
    if changes.get("xdr_ends_at") is not None:
        try:
            timestamps.read(str(changes["xdr_ends_at"]))
        except ValueError as error:
            raise BadControl(f"xdr_ends_at: {error}") from None
    if for_sample:
        application = _find(request, SAMPLE_ID)
        if "permissions" in for_sample:
            granted = for_sample["permissions"].values()
            for_sample["permissions"] = by_resource(
                [name for names in granted if isinstance(names, list) for name in names]
            )
        change_settings(application, for_sample, world.credentials.certificate or "")
        world.directory.applications.save(application)
    world.directory.change_settings(for_services)
    return await sample(request)


async def applications(request: Request) -> Response:
    """``GET applications``: every registration with all but its secrets."""
    return JsonResponse(
        [
            {
                **application.document,
                "tenantId": application.tenant_id,
                "owners": application.owners,
                "federatedIdentityCredentials": application.federated_credentials,
            }
            for application in world_of(request).directory.applications.all()
        ]
    )


async def change_credential(request: Request) -> Response:
    """``PATCH applications/{client_id}/credentials/{key_id}``: move a secret's or a certificate's dates."""
    application = _find(request, request.path_params["client_id"])
    changes = await read_body(request)
    for name, value in changes.items():
        if name not in _DATES:
            raise BadControl(f"there is no '{name}' to set")
        try:
            timestamps.read(str(value))
        except ValueError as error:
            raise BadControl(str(error)) from None
    for entry in (*application.document["passwordCredentials"], *application.document["keyCredentials"]):
        if entry["keyId"] == request.path_params["key_id"]:
            entry["startDateTime"] = changes.get("startDateTime", entry["startDateTime"])
            entry["endDateTime"] = changes.get("endDateTime", entry["endDateTime"])
            world_of(request).directory.applications.save(application)
            return JsonResponse(entry)
    return JsonResponse({"error": "the application has no such credential"}, 404)


async def change_registrar(request: Request) -> Response:
    """``PATCH registrar``: ``{"roles": [...]}`` are all that the registrar may do from now on."""
    directory = world_of(request).directory
    roles = by_resource((await read_body(request)).get("roles"))
    principal = directory.service_principals.find(directory.home, REGISTRAR_ID)
    if principal is None:
        return JsonResponse({"error": "the registrar has no service principal"}, 404)
    directory.set_roles(directory.home, principal, roles)
    return JsonResponse({"roles": sorted(name for names in roles.values() for name in names)})


async def service_principals(request: Request) -> Response:
    """``GET service-principals/{tenant}``: every application that is there, with its app roles by name."""
    directory = world_of(request).directory
    tenant = directory.tenants.resolve(request.path_params["tenant"])
    return JsonResponse(
        [
            {
                "id": principal.object_id,
                "appId": principal.client_id,
                "displayName": principal.name,
                "appOwnerOrganizationId": principal.publisher_id,
                "owners": principal.owners,
                "roles": sorted(role for api in RESOURCES for role in directory.roles(tenant, principal, api)),
            }
            for principal in directory.service_principals.of(tenant)
        ]
    )


def _find(request: Request, wanted: str) -> Application:
    application = world_of(request).directory.applications.find(wanted)
    if application is None:
        raise Refusal(700016, client_id=wanted, tenant_name="northwind")
    return application
