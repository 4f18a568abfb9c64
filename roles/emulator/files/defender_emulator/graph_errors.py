# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Microsoft Graph says no.

Sources: learn.microsoft.com, graph/errors; the codes as seen in public logs.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import json_text

GRAPH_PREFIX = "/v1.0/"


@dataclass
class GraphError(Exception):
    """A refusal: HTTP status, error code and sentence; ``details`` are objects of code, message and target."""

    status: int
    code: str
    message: str
    details: list[dict[str, str]] = field(default_factory=list)


def error_response(request: Request, error: GraphError, headers: dict[str, str] | None = None) -> Response:
    """The refusal with the ids by which Microsoft's support finds it."""
    request_id = str(uuid.uuid4())
    client_request_id = request.headers.get("client-request-id", request_id)
    inner = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request_id,
        "client-request-id": client_request_id,
    }
    body = {"code": error.code, "message": error.message, "details": error.details, "innerError": inner}
    return Response(
        json_text.write({"error": body}),
        error.status,
        {**(headers or {}), "request-id": request_id, "client-request-id": client_request_id},
        "application/json",
    )
