# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenID metadata and signing keys, as clients and resources fetch them.

The v1 metadata of every tenant names the keys of ``common``. Both versions publish the same keys, and a v1 token is in
order when its key carries the v2 issuer, as it is for Microsoft's own validator.
Sources: learn.microsoft.com, v2-protocols-oidc, signing-key-rollover and claims-validation;
AzureAD/azure-activedirectory-identitymodel-extensions-for-dotnet, AadTokenValidationParametersExtension.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.tenants import SHARED_SEGMENTS
from defender_emulator.entra.tokens import V1_ISSUER
from defender_emulator.json_text import JsonResponse
from defender_emulator.world import World, world_of

_V2 = "oauth2/v2.0"


async def metadata_v1(request: Request) -> Response:
    """``/{tenant}/.well-known/openid-configuration``"""
    return _metadata(request, V1_ISSUER, oauth="oauth2", keys="common/discovery/keys")


async def metadata_v2(request: Request) -> Response:
    """``/{tenant}/v2.0/.well-known/openid-configuration``"""
    issuer = world_of(request).tokens.v2_issuer
    return _metadata(request, issuer, oauth=_V2, keys="{tenant}/discovery/v2.0/keys")


async def keys_v1(request: Request) -> Response:
    """``/{tenant}/discovery/keys``: the keys alone, which say of no issuer"""
    return _keys(request, {})


async def keys_v2(request: Request) -> Response:
    """``/{tenant}/discovery/v2.0/keys``: each key with its issuer, a template for whichever tenant"""
    return _keys(request, {"issuer": world_of(request).tokens.v2_issuer})


async def instance(request: Request) -> Response:
    """``/common/discovery/instance``: this host is the only one it knows."""
    world = world_of(request)
    host = world.base_url.removeprefix("https://")
    return JsonResponse(
        {
            "tenant_discovery_endpoint": f"{world.base_url}/common/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }
    )


def _metadata(request: Request, issuer: str, oauth: str, keys: str) -> Response:
    world = world_of(request)
    try:
        segment, tenant_id = _tenant_segment(world, request)
    except Refusal as refusal:
        return _refuse(world, refusal)
    here = f"{world.base_url}/{segment}"
    document: dict[str, object] = {
        "issuer": issuer.replace("{tenantid}", tenant_id),
        "authorization_endpoint": f"{here}/{oauth}/authorize",
        "token_endpoint": f"{here}/{oauth}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{world.base_url}/{keys.format(tenant=segment)}",
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
        "tenant_region_scope": "WW",
        "cloud_instance_name": "microsoftonline.com",
    }
    if oauth == _V2:
        document["device_authorization_endpoint"] = f"{here}/{oauth}/devicecode"
    return JsonResponse(document)


def _keys(request: Request, annotations: dict[str, str]) -> Response:
    world = world_of(request)
    try:
        _tenant_segment(world, request)
    except Refusal as refusal:
        return _refuse(world, refusal)
    return JsonResponse({"keys": [{**key.jwk(), **annotations} for key in world.signing_keys.published]})


def _tenant_segment(world: World, request: Request) -> tuple[str, str]:
    """How endpoints name the tenant, and what stands in its issuer. A domain is answered with the GUID."""
    segment = request.path_params["tenant"]
    if segment in SHARED_SEGMENTS:
        return segment, "{tenantid}"
    tenant = world.directory.tenants.resolve(segment)
    return tenant.tenant_id, tenant.tenant_id


def _refuse(world: World, refusal: Refusal) -> Response:
    body = refusal.body(world.base_url, refusal.trace_id, error="invalid_tenant")
    return JsonResponse(body, refusal.status)
