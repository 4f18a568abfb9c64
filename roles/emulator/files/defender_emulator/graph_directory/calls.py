# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every directory call shares: who calls, the body, what is visible yet, and the shape of the answer."""

from __future__ import annotations

import dataclasses
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from defender_emulator import json_text
from defender_emulator.entra.bearer import BadToken, Caller, authenticate, challenge
from defender_emulator.entra.directory import Directory
from defender_emulator.entra.resources import GRAPH
from defender_emulator.entra.tenants import Tenant
from defender_emulator.graph_errors import GRAPH_PREFIX, GraphError, error_response
from defender_emulator.graph_paths import graph_metadata, graph_root
from defender_emulator.json_text import JsonObject
from defender_emulator.odata import QueryError
from defender_emulator.world import World, world_of

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
_CONTENT_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a known caller."""

    request: Request
    world: World
    caller: Caller

    @property
    def directory(self) -> Directory:
        return self.world.directory

    @property
    def tenant(self) -> Tenant:
        """The directory that the call is about: the caller's."""
        return self.caller.tenant

    @property
    def link(self) -> str:
        """The address of what is called, without a query."""
        return f"{graph_root(self.request)}/{self.request.url.path.removeprefix(GRAPH_PREFIX)}"

    def parameter(self, name: str) -> str:
        """A part of the path. In a key, OData doubles a quote."""
        return str(self.request.path_params[name]).replace("''", "'")

    def is_visible(self, created_at: float) -> bool:
        """Whether what was made then has come through to this reader: yes, unless a fault says otherwise."""
        age = time.time() - created_at
        path, tenant_id = self.request.url.path, self.tenant.tenant_id
        return self.world.faults.take("directory_lag", path, tenant_id, younger_than=age) is None

    async def body(self) -> JsonObject:
        """The JSON object sent; an empty body is an empty object.

        Raises:
            GraphError: 400, it is something else.
        """
        content = await self.request.body()
        try:
            body = json_text.read(content) if content else {}
            # the directory keeps no half of a character
            json.dumps(body, ensure_ascii=False).encode()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise GraphError(400, "BadRequest", "Unable to read JSON request payload. Please ensure it is valid JSON.")
        return {name: value for name, value in body.items() if not name.startswith("@odata.")}


Endpoint = Callable[[Call], Awaitable[Response]]


def graph_route(path: str, methods: dict[str, Endpoint]) -> Route:
    """One path below ``/v1.0/`` with an endpoint for each method."""

    async def answer(request: Request) -> Response:
        try:
            response = await _answer(request, methods)
        except BadToken as error:
            refusal = GraphError(401, "InvalidAuthenticationToken", str(error))
            response = error_response(request, refusal, challenge(request, str(error)))
        except QueryError as error:
            response = error_response(request, GraphError(400, "Request_UnsupportedQuery", str(error)))
        except GraphError as error:
            response = error_response(request, error)
        # Reading costs one unit of the tenant's budget, writing more. Source: learn.microsoft.com, throttling-limits.
        response.headers["x-ms-resource-unit"] = "1" if request.method == "GET" else "2"
        response.headers.setdefault("request-id", str(uuid.uuid4()))
        response.headers.setdefault(
            "client-request-id", request.headers.get("client-request-id", response.headers["request-id"])
        )
        return response

    return Route(GRAPH_PREFIX + path, answer, methods=_METHODS)


def object_response(
    call: Call, context: str, document: Mapping[str, object], status: int = 200, location: str = ""
) -> Response:
    """One object, under the name that Graph's metadata gives it."""
    body = {"@odata.context": f"{graph_metadata(call.request)}#{context}/$entity", **document}
    headers = {"Location": location} if location else None
    return Response(json_text.write(body), status, headers, _CONTENT_TYPE)


def list_response(
    call: Call, context: str, documents: Sequence[Mapping[str, object]], annotations: dict[str, object] | None = None
) -> Response:
    """Several objects; ``annotations`` are further ``@odata`` names."""
    body = {"@odata.context": f"{graph_metadata(call.request)}#{context}", **(annotations or {}), "value": documents}
    return Response(json_text.write(body), media_type=_CONTENT_TYPE)


def no_content() -> Response:
    """Done, and nothing to say."""
    return Response(status_code=204)


def not_found(what: str) -> GraphError:
    """404 for an object that does not exist, or not yet."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present.",
    )


def bad_request(message: str, code: str = "", target: str = "") -> GraphError:
    """400, with a detail when there is a code for it."""
    details = [{"code": code, "message": message, "target": target}] if code else []
    return GraphError(400, "Request_BadRequest", message, details)


def same_key(message: str, target: str) -> GraphError:
    """409: another object has this value, which must be unique."""
    detail = {"code": "ConflictingObjects", "message": message, "target": target}
    return GraphError(409, "Request_MultipleObjectsWithSameKeyValue", message, [detail])


async def _answer(request: Request, methods: dict[str, Endpoint]) -> Response:
    call = Call(request, world_of(request), authenticate(request, GRAPH))
    endpoint = methods.get(request.method)
    if endpoint is None:
        message = "Specified HTTP method is not allowed for the request target."
        raise GraphError(405, "Request_BadRequest", message)
    path, tenant_id = request.url.path, call.tenant.tenant_id
    if request.method != "GET" and call.world.faults.take("conflict", path, tenant_id):
        message = "Request was rejected due to a concurrent update to the same object. Please retry later."
        raise GraphError(409, "Directory_ConcurrencyViolation", message)
    return await endpoint(call)
