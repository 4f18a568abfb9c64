# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may call: a good token that carries one of the roles the call needs, for a tenant with a licence.

The sentence of a 403 is Microsoft's; the body of a 401 is not documented.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import json_text
from defender_emulator.entra.bearer import BadToken, Caller, authenticate
from defender_emulator.entra.resources import Resource


@dataclass
class ApiError(Exception):
    """An API's refusal: HTTP status, error code, sentence and further headers."""

    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)


def require(request: Request, resource: Resource, roles: tuple[str, ...]) -> Caller:
    """The caller, when its token is good for the call.

    Raises:
        ApiError: 401 without a good token, 403 when it carries none of ``roles`` or the tenant has no licence.
    """
    try:
        caller = authenticate(request, resource)
    except BadToken as error:
        raise ApiError(401, "Unauthorized", str(error)) from None
    if not caller.roles.intersection(roles):
        held = ",".join(sorted(caller.roles))
        raise ApiError(
            403,
            "Forbidden",
            f"Missing application roles. API required roles: {','.join(roles)}, application roles: {held}.",
        )
    if not caller.tenant.settings.licensed:
        raise ApiError(
            403, "Forbidden", f"Tenant {caller.tenant.tenant_id} is not provisioned or has no licence for the service."
        )
    return caller


def json_response(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer the way both APIs label it."""
    content = body if isinstance(body, bytes) else json_text.write(body)
    label = "application/json; odata.metadata=minimal; charset=utf-8" if status < 300 else "application/json"
    return Response(content, status, {**(headers or {}), "request-id": str(uuid.uuid4())}, label)
