# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both APIs answer when a call is refused, each in its own form.

Sources: learn.microsoft.com, api-error-codes; for Graph's refusal of a query, which has no code, a public log.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import json_text, timestamps
from defender_emulator.defender.bearer import ApiError, json_response
from defender_emulator.entra.bearer import challenge
from defender_emulator.graph_errors import GRAPH_PREFIX, GraphError, error_response
from defender_emulator.json_text import JsonObject
from defender_emulator.odata import QueryError
from defender_emulator.world import world_of

XDR_PREFIX = "/api/"

Endpoint = Callable[[Request], Awaitable[Response]]


def xdr_endpoint(endpoint: Endpoint) -> Endpoint:
    """An endpoint of the Defender XDR API, for as long as there is one, whose refusals become its answers."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            _check_end(request)
            return await endpoint(request)
        except ApiError as error:
            headers = challenge(request, error.message) if error.status == 401 else error.headers
            return refuse(request, error.status, error.code, error.message, headers)
        except QueryError as error:
            return refuse(request, 400, "BadRequest", str(error))

    return answer


def _check_end(request: Request) -> None:
    ends_at = world_of(request).directory.settings.xdr_ends_at
    if ends_at is not None and timestamps.read(ends_at) <= timestamps.now():
        # Microsoft does not say what an endpoint will answer after its retirement.
        raise ApiError(410, "Gone", f"The endpoint '{request.url.path}' is retired.")


def graph_endpoint(endpoint: Endpoint) -> Endpoint:
    """An endpoint of Microsoft Graph security, whose refusals become its answers."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as error:
            if error.status == 401:
                refusal = GraphError(401, "InvalidAuthenticationToken", error.message)
                return error_response(request, refusal, challenge(request, error.message))
            return refuse(request, error.status, error.code, error.message, error.headers)
        except QueryError as error:
            # The code really is empty.
            message = f"The query specified in the URI is not valid. {error}"
            return error_response(request, GraphError(400, "", message))

    return answer


async def json_object(request: Request) -> JsonObject:
    """The body of a change, an object with at least one property.

    Raises:
        ApiError: 415 when it is not announced as JSON, 400 when it is no such object.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ApiError(415, "UnsupportedMediaType", "The Content-Type of the request must be application/json.")
    try:
        body = json_text.read(await request.body())
    except ValueError:
        raise ApiError(400, "InvalidRequestBody", "The request body is not JSON.") from None
    if not isinstance(body, dict) or not body:
        raise ApiError(400, "InvalidRequestBody", "The request body must be an object with at least one property.")
    return body


def refuse(request: Request, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """A refusal in the form of the API that the request's path belongs to."""
    if request.url.path.startswith(GRAPH_PREFIX):
        return error_response(request, GraphError(status, code, message), headers)
    return json_response({"error": {"code": code, "message": message, "target": str(uuid.uuid4())}}, status, headers)
