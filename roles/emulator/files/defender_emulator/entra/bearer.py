# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls one of Microsoft's APIs: the bearer token, verified."""

from __future__ import annotations

from dataclasses import dataclass

import jwt
from starlette.requests import Request

from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.resources import Resource
from defender_emulator.entra.tenants import Tenant
from defender_emulator.entra.tokens import accepted_audiences
from defender_emulator.world import world_of


class BadToken(Exception):
    """No token, or one that is not good; the message says why."""


@dataclass(frozen=True)
class Caller:
    """The application that calls: in which tenant, as which service principal (object id), with which app roles."""

    tenant: Tenant
    client_id: str
    object_id: str
    roles: frozenset[str]


def authenticate(request: Request, resource: Resource) -> Caller:
    """The caller, by its token.

    Raises:
        BadToken: there is no token, or none that is good for the resource.
    """
    world = world_of(request)
    scheme, _mark, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value:
        raise BadToken("Access token is missing or empty.")
    try:
        claims = world.tokens.verify(value, accepted_audiences(resource))
        tenant = world.directory.tenants.resolve(claims.tenant_id)
    except jwt.ExpiredSignatureError:
        raise BadToken("Lifetime validation failed, the token is expired.") from None
    except jwt.InvalidAudienceError:
        raise BadToken("Access token validation failure. Invalid audience.") from None
    except (jwt.InvalidTokenError, Refusal):
        raise BadToken("Access token validation failure.") from None
    return Caller(tenant, claims.client_id, claims.object_id, claims.roles)


def challenge(request: Request, message: str) -> dict[str, str]:
    """The ``WWW-Authenticate`` header of a 401."""
    authority = f"{world_of(request).base_url}/common/oauth2/authorize"
    given = "authorization" in request.headers
    detail = f', error="invalid_token", error_description="{message}"' if given else ""
    return {"WWW-Authenticate": f'Bearer authorization_uri="{authority}"{detail}'}
