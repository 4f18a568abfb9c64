# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advanced hunting, by the Defender XDR API and by Microsoft Graph security.

The limits are documented. Unconfirmed are: that rows beyond the limit are left out without a word, how long a query may
be, the size of an answer of the XDR API (taken from its Defender for Endpoint twin), what a timeout's status is (one
page suggests 429, a public log has a 504 without a message), and whether a refusal for CPU has a ``Retry-After``.
Sources: learn.microsoft.com, api-advanced-hunting, run-advanced-query-api, security-security-runhuntingquery,
security-api-overview, advanced-hunting-errors (the sentences); codes as seen in public logs.
"""

from __future__ import annotations

import itertools
import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from defender_emulator import json_text, timestamps
from defender_emulator.defender.answers import graph_endpoint, json_object, xdr_endpoint
from defender_emulator.defender.bearer import ApiError, json_response, require
from defender_emulator.defender.hunting_tables import hunting_table
from defender_emulator.defender.hunting_timespan import read_timespan
from defender_emulator.defender.throttling import count_graph_call, count_xdr_call
from defender_emulator.entra.bearer import Caller
from defender_emulator.entra.resources import GRAPH, XDR
from defender_emulator.graph_paths import graph_metadata
from defender_emulator.kusto.cursor import TOO_LONG
from defender_emulator.kusto.query import run_query
from defender_emulator.kusto.tokens import HuntingError
from defender_emulator.kusto.values import Table
from defender_emulator.world import world_of

_MAX_ROWS = 100_000
_MAX_BYTES_XDR = 124 * 1024 * 1024
_MAX_BYTES_GRAPH = 50 * 1024 * 1024
_MAX_CHARACTERS = 10_000
_CPU_CYCLE = 15 * 60

_TOO_LARGE = (
    "Query execution has exceeded the allowed result size. "
    "Optimize your query by limiting the number of results and try again."
)
_TIMED_OUT = "Query exceeded the timeout period of 3 minutes."
_NO_CPU = "You have exceeded processing resources allocated to this tenant. You can run queries again in {duration}."


@xdr_endpoint
async def run_xdr(request: Request) -> Response:
    """``POST /api/advancedhunting/run``"""
    caller = require(request, XDR, ("AdvancedHunting.Read.All",))
    count_xdr_call(request, caller, "hunt")
    body = await json_object(request)
    struck = _strike(request, caller, quota_code="429")
    if struck:
        return struck
    started, cpu_started = time.monotonic(), time.process_time()
    columns, rows = _hunt(request, caller, body.get("Query"), None, _MAX_BYTES_XDR)
    results = b",".join(rows)
    stats = _stats(time.monotonic() - started, time.process_time() - cpu_started, len(rows), len(results))
    schema = [{"Name": name, "Type": kind} for name, kind in columns.items()]
    return json_response(
        b'{"Stats":%b,"Schema":%b,"Results":[%b]}' % (json_text.write(stats), json_text.write(schema), results)
    )


@graph_endpoint
async def run_graph(request: Request) -> Response:
    """``POST /v1.0/security/runHuntingQuery``. Graph takes the names of parameters in any case."""
    caller = require(request, GRAPH, ("ThreatHunting.Read.All",))
    count_graph_call(request, caller, "hunt")
    body = {name.lower(): value for name, value in (await json_object(request)).items()}
    struck = _strike(request, caller, quota_code="TooManyRequests")
    if struck:
        return struck
    columns, rows = _hunt(request, caller, body.get("query"), body.get("timespan"), _MAX_BYTES_GRAPH)
    schema = [{"name": name, "type": kind} for name, kind in columns.items()]
    context = f"{graph_metadata(request)}#microsoft.graph.security.huntingQueryResults"
    head = b'{"@odata.context":%b,"schema":%b,"results":[' % (json_text.write(context), json_text.write(schema))
    return json_response(head + b",".join(rows) + b"]}")


def _hunt(
    request: Request, caller: Caller, query: object, timespan: object, most_bytes: int
) -> tuple[dict[str, str], list[bytes]]:
    """The columns with their types, and each row as a JSON object."""
    if not isinstance(query, str) or not query.strip():
        raise ApiError(400, "BadRequest", "The query must be a text that is not empty.")
    if len(query) > _MAX_CHARACTERS:
        raise ApiError(400, "BadRequest", TOO_LONG)
    if not isinstance(timespan, str | None):
        raise ApiError(400, "BadRequest", "The timespan must be a text.")
    try:
        now = timestamps.now()
        since, until = read_timespan(timespan, now)
    except ValueError as error:
        raise ApiError(400, "BadRequest", f"The timespan cannot be read: {error}.") from None
    incidents = list(world_of(request).incidents.of(caller.tenant).values())
    # JSON can hold half a character, an answer in UTF-8 cannot.
    query = query.encode(errors="replace").decode()
    try:
        table = run_query(query, lambda name: hunting_table(name, incidents, since, until), now)
        return table.columns, _written(table, most_bytes)
    except HuntingError as error:
        raise ApiError(400, "BadRequest", str(error)) from None


def _written(table: Table, most_bytes: int) -> list[bytes]:
    rows, size = [], 0
    for row in itertools.islice(table.rows, _MAX_ROWS):
        rows.append(json_text.write(dict(zip(table.columns, row, strict=True))))
        size += len(rows[-1])
        if size > most_bytes:
            raise ApiError(400, "BadRequest", _TOO_LARGE)
    return rows


def _strike(request: Request, caller: Caller, quota_code: str) -> Response | None:
    """Let a fault of the kind ``cpu_quota`` or ``query_timeout`` take the place of the answer."""
    faults, place = world_of(request).faults, (request.url.path, caller.tenant.tenant_id)
    fault = faults.take("cpu_quota", *place)
    if fault:
        wait = fault.retry_after if isinstance(fault.retry_after, int) else _CPU_CYCLE
        sentence = _NO_CPU.format(duration=time.strftime("%H:%M:%S", time.gmtime(wait)))
        raise ApiError(429, quota_code, sentence, {"Retry-After": str(wait)})
    fault = faults.take("query_timeout", *place)
    if fault is None:
        return None
    status = fault.status or 400
    if fault.body is not None:
        return PlainTextResponse(fault.body, status)
    raise ApiError(status, {400: "BadRequest", 429: quota_code}.get(status, "UnknownError"), _TIMED_OUT)


def _stats(seconds: float, cpu_seconds: float, row_count: int, size: int) -> dict[str, object]:
    used = f"00:00:{cpu_seconds:010.7f}"
    nothing = {"hits": 0, "misses": 0, "total": 0}
    return {
        "ExecutionTime": seconds,
        "resource_usage": {
            "cache": {"memory": nothing, "disk": nothing},
            "cpu": {"user": used, "kernel": "00:00:00", "total cpu": used},
            "memory": {"peak_per_node": size},
        },
        "dataset_statistics": [{"table_row_count": row_count, "table_size": size}],
    }
