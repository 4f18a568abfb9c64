# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a path or a method that nothing answers is told, in the form of the API that the path belongs to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from defender_emulator.control.interference import CONTROL_PREFIX
from defender_emulator.defender.answers import XDR_PREFIX, refuse
from defender_emulator.entra.bearer import BadToken, authenticate, challenge
from defender_emulator.entra.resources import GRAPH
from defender_emulator.graph_errors import GRAPH_PREFIX, GraphError, error_response
from defender_emulator.json_text import JsonResponse

# Below these another segment is looked for; elsewhere the first one is the unknown one.
_KNOWN = ("security", "tenantRelationships")


async def _answer_unserved(request: Request, error: HTTPException) -> Response:
    """404 and 405, and what Graph says instead of 404."""
    path, status, headers = request.url.path, error.status_code, dict(error.headers or {})
    if path.startswith(GRAPH_PREFIX):
        return _graph(request, status)
    if f"{path}/".startswith(XDR_PREFIX):
        code, message = ("NotFound", f"'{path}' was not found.")
        if status == 405:
            code, message = "MethodNotAllowed", f"The requested resource does not support '{request.method}'."
        return refuse(request, status, code, message, headers)
    if path.startswith(CONTROL_PREFIX):
        return JsonResponse({"error": f"{request.method} {path} is not a control call"}, status, headers)
    return Response(status_code=status, headers=headers)


async def _answer_nobody(_request: Request, _error: ClientDisconnect) -> Response:
    """A client that hangs up in the middle of its request is no error of the emulator's."""
    return Response(status_code=400)


_Handler = Callable[[Request, Any], Awaitable[Response]]

HANDLERS: dict[type[Exception], _Handler] = {HTTPException: _answer_unserved, ClientDisconnect: _answer_nobody}


def _graph(request: Request, status: int) -> Response:
    try:
        authenticate(request, GRAPH)
    except BadToken as error:
        refusal = GraphError(401, "InvalidAuthenticationToken", str(error))
        return error_response(request, refusal, challenge(request, str(error)))
    if status == 405:
        message = "Specified HTTP method is not allowed for the request target."
        return error_response(request, GraphError(405, "Request_BadRequest", message))
    first, _slash, below = request.url.path.removeprefix(GRAPH_PREFIX).partition("/")
    segment = below.rpartition("/")[2] if first in _KNOWN and below else first
    return error_response(request, GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'."))
