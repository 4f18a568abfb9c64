# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each call is counted, and the one too many refused the way its API does it.

Only Graph says when to come back: whether the Defender XDR API sends ``Retry-After`` is not documented.
"""

from __future__ import annotations

from starlette.requests import Request

from defender_emulator.defender.bearer import ApiError
from defender_emulator.defender.quotas import Exceeded
from defender_emulator.entra.bearer import Caller
from defender_emulator.world import world_of


def count_xdr_call(request: Request, caller: Caller, call: str) -> None:
    """Count one call of the Defender XDR API: ``list``, ``get``, ``update`` or ``hunt``. ApiError 429 when over."""
    exceeded = _count(request, caller, call)
    if exceeded:
        raise ApiError(429, "429", exceeded.sentence)


def count_graph_call(request: Request, caller: Caller, call: str) -> None:
    """Count one call of Graph security: ``graph``, ``alerts`` or ``hunt``. ApiError 429 when over."""
    exceeded = _count(request, caller, call)
    if exceeded:
        raise ApiError(429, "TooManyRequests", exceeded.sentence, {"Retry-After": str(exceeded.retry_after)})


def _count(request: Request, caller: Caller, call: str) -> Exceeded | None:
    world = world_of(request)
    return world.quotas.exceeded(caller.client_id, caller.tenant.tenant_id, call, world.directory.settings)
