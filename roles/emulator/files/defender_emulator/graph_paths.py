# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to write a path of Microsoft Graph, all of which the routes know as ``/v1.0/...``.

The beta version answers as v1.0 does; ``myorganization`` is the caller's tenant, as is a path without it. Graph takes a
run of slashes for one, which some of Microsoft's own clients rely on. Source: learn.microsoft.com, use-the-api.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from defender_emulator.graph_errors import GRAPH_PREFIX
from defender_emulator.world import world_of

_WRITTEN = re.compile(r"/+(v1\.0|beta)(?:/+(myorganization)(?=/|$))?(?:/+(.*?))?/*", re.DOTALL)


class OneGraphPath:
    """ASGI middleware that gives the routes the path they know."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (match := _WRITTEN.fullmatch(scope["path"])):
            version, organization, rest = match.groups()
            scope["path"] = GRAPH_PREFIX + re.sub("/+", "/", rest or "")
            root = f"/{version}/{organization}" if organization else f"/{version}"
            scope.setdefault("state", {})["graph_root"] = root
        await self._app(scope, receive, send)


def graph_root(request: Request) -> str:
    """The address that the caller's paths start with, without a trailing slash: links lead back there."""
    return f"{world_of(request).base_url}{request.state.graph_root}"


def graph_metadata(request: Request) -> str:
    """What the names in ``@odata.context`` start with."""
    version = request.state.graph_root.split("/")[1]
    return f"https://graph.microsoft.com/{version}/$metadata"
