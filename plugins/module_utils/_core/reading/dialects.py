# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each API names incidents and alerts, pages them and filters them.

Sources: learn.microsoft.com, "List incidents API in Microsoft Defender XDR", "List incidents" and "List alerts_v2" of
Microsoft Graph security; the largest pages of Graph as its refusals name them. "Microsoft Graph security API error
responses" gives 500 as the most that `$skip` can be for alerts; no page names one for the Defender XDR API.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..calls import Call
from ..wire.pacing import GRAPH_SECURITY, XDR_GET, XDR_LIST
from ..wire.records import JsonObject


@dataclass(frozen=True)
class Dialect:
    """A collection of one API (`api`): its name, path and largest page, the fields that queries use, the calls that
    read it.

    `most_skipped` is the largest `$skip` worth asking for: more is refused, or delays what is known to be complete.
    `filters` are the options that the service can filter by; `expand` is what a query adds to get alerts, where they do
    not come by themselves.
    """

    api: str
    records: str
    path: str
    page_size: int
    most_skipped: int
    id_field: str
    created_field: str
    updated_field: str
    list_call: Call
    get_call: Call
    filters: frozenset[str]
    redirect_field: str | None = None
    expand: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    write_value: Callable[[str], str] = str


def camel_case(value: str) -> str:
    """Return a value of the Defender XDR API as Microsoft Graph writes it."""
    return value[:1].lower() + value[1:]


def _graph_calls(records: str, role: str) -> tuple[Call, Call]:
    roles = (f"{role}.Read.All", f"{role}.ReadWrite.All")
    return (
        Call(f"list {records}", roles, GRAPH_SECURITY),
        Call(f"read one of the {records}", roles, GRAPH_SECURITY, on_record=True),
    )


_XDR_READERS = ("Incident.Read.All", "Incident.ReadWrite.All")
_PREFER = {"Prefer": "include-unknown-enum-members"}

XDR_INCIDENTS = Dialect(
    api="xdr",
    records="incidents",
    path="/api/incidents",
    page_size=100,
    most_skipped=1000,
    id_field="incidentId",
    created_field="createdTime",
    updated_field="lastUpdateTime",
    list_call=Call("list incidents", _XDR_READERS, XDR_LIST),
    get_call=Call("read an incident", _XDR_READERS, XDR_GET, on_record=True),
    filters=frozenset({"status", "assigned_to"}),
    redirect_field="redirectIncidentId",
)
_LIST_INCIDENTS, _GET_INCIDENT = _graph_calls("incidents", "SecurityIncident")
GRAPH_INCIDENTS = Dialect(
    api="graph",
    records="incidents",
    path="/v1.0/security/incidents",
    page_size=50,
    most_skipped=500,
    id_field="id",
    created_field="createdDateTime",
    updated_field="lastUpdateDateTime",
    list_call=_LIST_INCIDENTS,
    get_call=_GET_INCIDENT,
    filters=frozenset({"status", "severity", "assigned_to"}),
    redirect_field="redirectIncidentId",
    expand="alerts",
    headers=_PREFER,
    write_value=camel_case,
)
_LIST_ALERTS, _GET_ALERT = _graph_calls("alerts", "SecurityAlert")
GRAPH_ALERTS = Dialect(
    api="graph",
    records="alerts",
    path="/v1.0/security/alerts_v2",
    # a thousand would be allowed, and make pages of many megabytes
    page_size=200,
    most_skipped=500,
    id_field="id",
    created_field="createdDateTime",
    updated_field="lastUpdateDateTime",
    list_call=_LIST_ALERTS,
    get_call=_GET_ALERT,
    filters=frozenset({"status", "severity", "assigned_to"}),
    headers=_PREFER,
    write_value=camel_case,
)

INCIDENTS = {dialect.api: dialect for dialect in (GRAPH_INCIDENTS, XDR_INCIDENTS)}
"""Incidents by the API that they are read from.

Both have them under the same ids: a Graph incident's `id` is the number in its `incidentWebUrl`, and its alerts name it
as their `incidentId`, as those of the XDR API do (recorded; no page of Microsoft's says it in a sentence).
"""


def counterpart(dialect: Dialect) -> Dialect | None:
    """Return how the other API has the same records, under the same ids; None where it does not have them."""
    if dialect.records != GRAPH_INCIDENTS.records:
        return None
    return next(other for api, other in INCIDENTS.items() if api != dialect.api)


def api_of(record: JsonObject) -> str | None:
    """Return which API sent a record, by what names it; None for what is no record of either."""
    return next((api for api, dialect in INCIDENTS.items() if dialect.id_field in record), None)
