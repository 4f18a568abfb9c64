# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The v1 and v2 token endpoints: the client-credentials grant, and on v2 those by which a person's program signs in.

Sources: learn.microsoft.com, v2-oauth2-client-creds-grant-flow and v1-oauth2-client-creds-grant-flow.
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Mapping
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from defender_emulator.control.faults import Fault
from defender_emulator.entra.application_credentials import IsKnown, check_secret
from defender_emulator.entra.applications import Application
from defender_emulator.entra.assertions import ASSERTION_TYPE, check_assertion
from defender_emulator.entra.form import read_form
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.resources import XDR, Resource, find_resource
from defender_emulator.entra.service_principals import ServicePrincipal, resources_present
from defender_emulator.entra.tenants import SHARED_SEGMENTS, Tenant
from defender_emulator.entra.tokens import AccessToken, TokenRequest
from defender_emulator.entra.user_grants import USER_GRANTS, grant_to_user
from defender_emulator.json_text import JsonResponse
from defender_emulator.world import World, world_of

# ``appidacr`` and ``azpacr``: how the client proved itself.
_BY_SECRET, _BY_CERTIFICATE = "1", "2"
_DEFAULT_SCOPE = "/.default"
# Ask for what comes beside an access token. With this grant nothing comes of them.
_OPENID_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})


async def token_v1(request: Request) -> Response:
    """``POST /{tenant}/oauth2/token``: names a resource and answers in strings."""
    return await _answer(request, version=1)


async def token_v2(request: Request) -> Response:
    """``POST /{tenant}/oauth2/v2.0/token``: names a scope and answers in numbers."""
    return await _answer(request, version=2)


async def _answer(request: Request, version: int) -> Response:
    world = world_of(request)
    headers = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
    correlation_id = request.headers.get("client-request-id") or str(uuid.uuid4())
    try:
        _check_method(request)
        body = _grant(world, request, await read_form(request), version)
    except Refusal as refusal:
        request.state.refusal = refusal.code
        if refusal.status == 429:
            return PlainTextResponse("Too Many Requests", 429, {**headers, "Retry-After": "60"})
        return JsonResponse(refusal.body(world.base_url, correlation_id), refusal.status, headers)
    return JsonResponse(body, headers=headers)


def _grant(world: World, request: Request, form: Mapping[str, str], version: int) -> dict[str, str | int]:
    segment = request.path_params["tenant"]
    if version == 2 and form.get("grant_type") in USER_GRANTS:
        if fault := world.faults.take("token_error", request.url.path, None):
            raise Refusal(fault.code or 90033)
        return grant_to_user(world, segment, form)
    if segment in SHARED_SEGMENTS:
        raise Refusal(9001023)
    tenant = world.directory.tenants.resolve(segment)
    if fault := world.faults.take("token_error", request.url.path, tenant.tenant_id):
        raise _refusal(tenant, fault.code or 90033, form.get("client_id", ""))
    _check_grant_type(form)
    audience = _audience(form, version)
    client_id, secret = _client(request, form)
    application = _application(world, tenant, client_id)
    credential = _authenticate(world, request, form, tenant, application, secret)
    principal = _principal(world, tenant, application)
    resource = _resource(tenant, audience)
    roles = world.directory.roles(tenant, principal, resource)
    if fault := _propagation_fault(world, request, tenant, principal):
        if fault.code is not None:
            raise _refusal(tenant, fault.code, client_id, application.display_name)
        roles = []
    granted = TokenRequest(tenant, principal, application, resource, audience, credential, roles)
    return _success(_issue(world, request, granted), version, audience)


def _check_method(request: Request) -> None:
    if request.method != "POST":
        raise Refusal(900561, method=request.method)


def _check_grant_type(form: Mapping[str, str]) -> None:
    grant_type = form.get("grant_type")
    if not grant_type:
        raise Refusal(900144, parameter="grant_type")
    if grant_type != "client_credentials":
        raise Refusal(70003, grant_type=grant_type)


def _audience(form: Mapping[str, str], version: int) -> str:
    """The resource asked for, as written; whether it exists is checked after the client is known."""
    if version == 1:
        if not form.get("resource"):
            raise Refusal(900144, parameter="resource")
        return form["resource"]
    scope = form.get("scope", "")
    if not scope.split():
        raise Refusal(900144, parameter="scope")
    resources = list(dict.fromkeys(part for part in scope.split() if part not in _OPENID_SCOPES))
    static = [part for part in resources if part.endswith(_DEFAULT_SCOPE)]
    if not static:
        raise Refusal(1002012, scope=scope)
    if len(static) < len(resources):
        raise Refusal(70011, scope=scope)
    if len(static) > 1:
        raise Refusal(700022, scope=scope)
    return static[0].removesuffix(_DEFAULT_SCOPE)


def _client(request: Request, form: Mapping[str, str]) -> tuple[str, str | None]:
    """Client id and secret, from the form or from HTTP Basic (RFC 6749, section 2.3.1)."""
    scheme, _mark, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _mark, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            raise Refusal(7000215) from None
        return unquote_plus(user), unquote_plus(password)
    client_id = form.get("client_id")
    if not client_id:
        raise Refusal(900144, parameter="client_id")
    return client_id, form.get("client_secret")


def _application(world: World, tenant: Tenant, client_id: str) -> Application:
    application = world.directory.applications.find(client_id)
    if application is None or (application.is_single_tenant and application.tenant_id != tenant.tenant_id):
        raise Refusal(700016, client_id=client_id, tenant_name=tenant.name)
    return application


def _authenticate(
    world: World,
    request: Request,
    form: Mapping[str, str],
    tenant: Tenant,
    application: Application,
    secret: str | None,
) -> str:
    if tenant.settings.other_cloud:
        raise Refusal(900382)
    is_known = _credential_lag(world, request, tenant, application)
    if secret:
        request.state.credential = "client_secret"
        # one that was added to the service principal is as good in its tenant as the application's own
        principal = world.directory.service_principals.find(tenant, application.client_id)
        held = [*application.held_secrets, *(principal.held_secrets if principal else [])]
        check_secret(application.client_id, held, secret, is_known)
        return _BY_SECRET
    assertion = form.get("client_assertion")
    if not assertion or form.get("client_assertion_type") != ASSERTION_TYPE:
        raise Refusal(7000218)
    request.state.credential = "client_assertion"
    endpoints = _endpoint_urls(world, request, tenant)
    check_assertion(assertion, application, endpoints, world.identity_provider, is_known)
    return _BY_CERTIFICATE


def _credential_lag(world: World, request: Request, tenant: Tenant, application: Application) -> IsKnown:
    """Which credentials have come through to the token service: all, unless a fault says otherwise."""

    def is_known(key_id: str) -> bool:
        age = time.time() - application.added_at.get(key_id, 0)
        return world.faults.take("credential_lag", request.url.path, tenant.tenant_id, younger_than=age) is None

    return is_known


def _endpoint_urls(world: World, request: Request, tenant: Tenant) -> set[str]:
    """This endpoint's URL, by GUID and as addressed: what an assertion's audience must be."""
    segment, path = request.path_params["tenant"], request.url.path
    tail = path.removeprefix(f"/{segment}")
    hosts = (world.base_url, f"https://{request.headers.get('host', '')}")
    return {f"{host}/{name}{tail}" for host in hosts for name in (tenant.tenant_id, segment)}


def _principal(world: World, tenant: Tenant, application: Application) -> ServicePrincipal:
    client_id, name = application.client_id, application.display_name
    principal = world.directory.service_principals.find(tenant, client_id)
    if principal is None:
        raise _refusal(tenant, 7000229, client_id, name)
    if not tenant.settings.app_enabled:
        raise _refusal(tenant, 7000112, client_id, name)
    if tenant.settings.conditional_access:
        raise _refusal(tenant, 53003, client_id, name)
    return principal


def _resource(tenant: Tenant, audience: str) -> Resource:
    resource = find_resource(audience)
    if resource is None or resource not in resources_present(tenant):
        raise Refusal(500011, resource=audience, tenant_name=tenant.name)
    if resource is XDR and not tenant.settings.service_enabled:
        raise Refusal(500014, resource=audience)
    return resource


def _propagation_fault(world: World, request: Request, tenant: Tenant, principal: ServicePrincipal) -> Fault | None:
    age = time.time() - principal.consented_at
    return world.faults.take("consent_propagation", request.url.path, tenant.tenant_id, younger_than=age)


def _refusal(tenant: Tenant, code: int, client_id: str, name: str = "") -> Refusal:
    return Refusal(
        code,
        client_id=client_id,
        app_name=name,
        tenant=tenant.tenant_id,
        tenant_id=tenant.tenant_id,
        tenant_name=tenant.name,
        resource=XDR.audiences[0],
    )


def _issue(world: World, request: Request, granted: TokenRequest) -> AccessToken:
    path, tenant_id = request.url.path, granted.tenant.tenant_id
    skewed = world.faults.take("clock_skew", path, tenant_id)
    unknown = world.faults.take("unknown_key", path, tenant_id)
    key = world.signing_keys.unpublished if unknown else None
    return world.tokens.issue(granted, world.directory.settings, skew=skewed.seconds if skewed else 0, key=key)


def _success(token: AccessToken, version: int, audience: str) -> dict[str, str | int]:
    # The server's own clock counts, whatever a clock_skew fault put into the token.
    lifetime = token.expires_on - token.not_before - 300 - 1
    if version == 2:
        return {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": token.value,
        }
    return {
        "token_type": "Bearer",
        "expires_in": str(lifetime),
        "ext_expires_in": str(lifetime),
        "expires_on": str(token.expires_on),
        "not_before": str(token.not_before),
        "resource": audience,
        "access_token": token.value,
    }
