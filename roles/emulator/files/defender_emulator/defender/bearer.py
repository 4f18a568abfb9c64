# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls an API: the bearer token is verified, and must carry one of the roles the call needs.

The sentence of a 403 is Microsoft's; the body of a 401 is not documented.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

import jwt
from starlette.requests import Request
from starlette.responses import Response

from defender_emulator.entra.directory import Tenant
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.resources import Resource
from defender_emulator.entra.tokens import accepted_audiences
from defender_emulator.world import world_of


@dataclass
class ApiError(Exception):
    """An API's refusal: HTTP status, error code and sentence."""

    status: int
    code: str
    message: str


def require(request: Request, resource: Resource, roles: tuple[str, ...]) -> Tenant:
    """The tenant that the caller's token is for.

    Raises:
        ApiError: 401 without a good token, 403 when it carries none of ``roles`` or the tenant has no licence.
    """
    world = world_of(request)
    scheme, _mark, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value:
        raise ApiError(401, "Unauthorized", "Access token is missing or empty.")
    try:
        claims = world.tokens.verify(value, accepted_audiences(resource))
        tenant = world.directory.resolve(claims["tid"])
    except jwt.ExpiredSignatureError:
        raise ApiError(401, "Unauthorized", "Lifetime validation failed, the token is expired.") from None
    except jwt.InvalidAudienceError:
        raise ApiError(401, "Unauthorized", "Access token validation failure. Invalid audience.") from None
    except (jwt.InvalidTokenError, Refusal):
        raise ApiError(401, "Unauthorized", "Access token validation failure.") from None
    request.state.tenant_id = tenant.tenant_id
    held = claims.get("roles", [])
    if not set(roles) & set(held):
        raise ApiError(
            403,
            "Forbidden",
            f"Missing application roles. API required roles: {','.join(roles)}, application roles: {','.join(held)}.",
        )
    if not tenant.settings.licensed:
        raise ApiError(
            403, "Forbidden", f"Tenant {tenant.tenant_id} is not provisioned or has no licence for the service."
        )
    return tenant


def challenge(error: ApiError, request: Request) -> dict[str, str]:
    """The ``WWW-Authenticate`` header of a 401."""
    if error.status != 401:
        return {}
    authority = f"{world_of(request).base_url}/common/oauth2/authorize"
    given = "authorization" in request.headers
    detail = f', error="invalid_token", error_description="{error.message}"' if given else ""
    return {"WWW-Authenticate": f'Bearer authorization_uri="{authority}"{detail}'}


def json_response(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer the way both APIs label it."""
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    label = "application/json; odata.metadata=minimal; charset=utf-8" if status < 300 else "application/json"
    return Response(content, status, {**(headers or {}), "request-id": str(uuid.uuid4())}, label)
