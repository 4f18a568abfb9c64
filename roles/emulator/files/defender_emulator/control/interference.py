# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around every request: note it down, and let wire faults strike."""

from __future__ import annotations

import asyncio
import base64
import codecs
import email.utils
import socket
import struct
import time
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from defender_emulator import json_text
from defender_emulator.control.faults import WIRE_KINDS, Fault
from defender_emulator.control.requests_seen import SeenRequest
from defender_emulator.defender.answers import refuse
from defender_emulator.entra.refusals import Refusal
from defender_emulator.graph_errors import GRAPH_PREFIX
from defender_emulator.world import World

CONTROL_PREFIX = "/_emulator/"
# A byte order mark comes with an answer; the others come before it or take its place.
_IN_TURN = tuple(kind for kind in WIRE_KINDS if kind != "bom")

_SIGN_IN_PAGE = "<html><body><h1>Please sign in to the network</h1></body></html>"
_QUOTA = "API calls quota exceeded! maximum allowed 50 per 00:01:00"


class Interference:
    """ASGI middleware. Control requests pass untouched and unnoted."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless a fault takes its place."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, send)
            return
        world: World = scope["app"].state.world
        state = scope.setdefault("state", {})
        route, segment = self._match(scope)
        tenant_id = _tenant_id(world, segment, scope)
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        marked = world.faults.take("bom", scope["path"], tenant_id)
        answer = _with_mark(note_status) if marked else note_status
        try:
            if not await _strike(world, tenant_id, scope, receive, answer):
                await self._app(scope, receive, answer)
        finally:
            seen = SeenRequest(
                scope["method"], scope["path"], tenant_id, status, state.get("credential"), state.get("refusal")
            )
            world.requests_seen.add(route, seen)

    def _match(self, scope: Scope) -> tuple[str, str | None]:
        for route in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL and isinstance(route, Route):
                return route.path, child["path_params"].get("tenant")
        return "(no route)", None


async def _strike(world: World, tenant_id: str | None, scope: Scope, receive: Receive, send: Send) -> bool:
    """Let every wire fault for this request act. True when one has answered it, or broken the connection."""
    for kind in _IN_TURN:
        fault = world.faults.take(kind, scope["path"], tenant_id)
        if fault is None:
            continue
        if kind == "latency":
            await asyncio.sleep(fault.seconds)
        elif kind == "reset":
            await _reset(scope["transport"], receive)
            return True
        elif kind == "truncate":
            await _truncate(scope["transport"], receive, send)
            return True
        else:
            await _ANSWERS[kind](fault, Request(scope))(scope, receive, send)
            return True
    return False


def _throttle(fault: Fault, request: Request) -> Response:
    headers = {}
    if fault.retry_after == "http-date":
        headers["Retry-After"] = email.utils.formatdate(time.time() + fault.seconds, usegmt=True)
    elif fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    status = fault.status or 429
    if fault.body is not None:
        return _plain(fault.body, status, headers)
    if request.url.path.startswith(GRAPH_PREFIX):
        return refuse(request, status, "TooManyRequests", "Too many requests. Retry later.", headers)
    return refuse(request, status, "429", _QUOTA, headers)


def _server_error(fault: Fault, request: Request) -> Response:
    status = fault.status or 500
    if fault.body is not None:
        return _plain(fault.body, status)
    return refuse(request, status, "InternalServerError", "The service failed.")


def _retired(fault: Fault, request: Request) -> Response:
    # Microsoft does not say what an endpoint will answer after its retirement.
    status, message = fault.status or 410, f"The endpoint '{request.url.path}' is retired."
    if fault.body is not None:
        return _plain(fault.body, status)
    return refuse(request, status, {404: "NotFound", 410: "Gone"}.get(status, "Retired"), message)


def _not_json(fault: Fault, _request: Request) -> Response:
    page = _SIGN_IN_PAGE if fault.body is None else fault.body
    return _plain(page, fault.status or 200, label="text/html")


def _plain(
    body: str, status: int, headers: dict[str, str] | None = None, label: str = "text/plain; charset=utf-8"
) -> Response:
    return Response(body.encode(errors="backslashreplace"), status, headers, label)


def _with_mark(send: Send) -> Send:
    """Sends answers whose bodies begin with a byte order mark."""
    mark = codecs.BOM_UTF8

    async def marked(message: Message) -> None:
        nonlocal mark
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            if length := int(headers.get("content-length", "0")):
                headers["content-length"] = str(length + len(mark))
            else:
                mark = b""
            message = {**message, "headers": headers.raw}
        elif mark:
            message, mark = {**message, "body": mark + message.get("body", b"")}, b""
        await send(message)

    return marked


_ANSWERS = {"retired": _retired, "throttle": _throttle, "server_error": _server_error, "not_json": _not_json}


async def _reset(transport: asyncio.Transport, receive: Receive) -> None:
    # Linger of zero seconds: the kernel sends RST instead of an orderly end.
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _until_disconnected(receive)


async def _truncate(transport: asyncio.Transport, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"value":[{"incidentId":', "more_body": True})
    transport.close()
    await _until_disconnected(receive)


async def _until_disconnected(receive: Receive) -> None:
    # Returning earlier would make the server complete the answer.
    while (await receive())["type"] != "http.disconnect":
        pass


def _tenant_id(world: World, segment: str | None, scope: Scope) -> str | None:
    """Whom the request is about, by its path or its token's ``tid``; the token is not judged here."""
    if segment is None:
        return _claimed_tenant(Headers(scope=scope).get("authorization", ""))
    try:
        return world.directory.tenants.resolve(segment).tenant_id
    except Refusal:
        return None


def _claimed_tenant(authorization: str) -> str | None:
    try:
        payload = authorization.split(".")[1]
        claims: json_text.JsonObject = json_text.read(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["tid"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None
