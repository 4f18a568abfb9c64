# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advanced hunting in one tenant: the query goes out as it was written, and the rows come back as they were sent.

Sources: learn.microsoft.com, "security: runHuntingQuery" (Graph), "Advanced hunting API" (Defender XDR), and "Handle
advanced hunting errors", which has the sentences that a refusal is known by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TypedDict, TypeGuard, TypeVar

from .. import errors, timestamps
from ..calls import Call, Calls
from ..errors import OptionError, Reason, TenantError
from ..identity import refusals
from ..wire import records
from ..wire.pacing import HUNTING
from ..wire.records import Record

T = TypeVar("T")

MOST_ROWS = 100_000
"""Rows that Microsoft returns for one query at most, without a word about the others."""

# Microsoft ends a query after 3 minutes, and its answer must still come in
_SECONDS = 200


@dataclass(frozen=True)
class Dialect:
    """Where an API takes queries, and how it names the rows of its answer."""

    path: str
    call: Call
    rows: str


XDR = Dialect(
    "/api/advancedhunting/run", Call("hunt", ("AdvancedHunting.Read.All",), HUNTING, seconds=_SECONDS), "Results"
)
GRAPH = Dialect(
    "/v1.0/security/runHuntingQuery", Call("hunt", ("ThreatHunting.Read.All",), HUNTING, seconds=_SECONDS), "results"
)


@dataclass(frozen=True)
class Query:
    """A query in the Kusto language. `timespan` (ISO 8601, Graph alone) is the time it looks at; None means 30 days."""

    text: str
    timespan: str | None = None

    def body(self) -> dict[str, str]:
        return {"Query": self.text} | ({"Timespan": self.timespan} if self.timespan else {})


class Column(TypedDict):
    """A column of the rows; `type` is what the service calls the kind of its values."""

    name: str
    type: str


@dataclass(frozen=True)
class Answer:
    """What one tenant answered: `schema` has the columns, in order.

    `stats` is what the query cost, as the Defender XDR API tells it; None from Microsoft Graph.
    """

    rows: list[Record]
    schema: list[Column]
    stats: dict[str, object] | None

    @property
    def truncated(self) -> bool:
        """Whether there may be more rows than Microsoft returned."""
        return len(self.rows) >= MOST_ROWS

    def columns(self) -> list[str]:
        """Return the names of all columns: those of the schema, and whatever else a row has, but for annotations."""
        names = dict.fromkeys(column["name"] for column in self.schema)
        for row in self.rows:
            names.update(dict.fromkeys(row))
        return [name for name in names if "@odata." not in name]


def ask(calls: Calls, dialect: Dialect, query: Query) -> Answer:
    """Run the query in the tenant. Raises Postponed, and TenantError for every refusal."""
    try:
        reply = calls.write("POST", dialect.path, dialect.call, query.body(), accept=(400,))
    except TenantError as error:
        if error.reason.code != "504":
            raise
        # how Graph was seen to end a query that took too long, without a word
        remedy = f"it may have taken too long: {_NARROW}"
        raise TenantError(replace(error.reason, remedy=remedy), error.details) from None
    if reply.status == 400:
        raise TenantError(_refused(reply.json_or_none()))
    answer = reply.json(partial(records.read_page, collection=dialect.rows))
    # the Defender XDR API writes the same names in upper case
    body = {name.lower(): value for name, value in answer.items()}
    rows = body.get("results")
    schema = _schema(body.get("schema"))
    if schema is None or not _are(rows, Record):
        meaning = f"{reply.host} sent no rows with their schema"
        raise TenantError(Reason(errors.ERROR, meaning, "check xdr_url or graph_url"))
    return Answer(rows, schema, body.get("stats"))


def check_timespan(text: str) -> str:
    """Return the timespan. Raises OptionError unless it is P7D, P7D/END, START, START/P7D or START/END in ISO 8601."""
    parts = text.split("/")
    durations = [part for part in parts if _DURATION.match(part)]
    try:
        for moment in set(parts) - set(durations):
            timestamps.ticks(moment)
        if len(parts) <= 2 and len(durations) <= 1:
            return text
    except ValueError:
        pass
    raise OptionError(
        f"timespan '{text}' is none: write a duration such as P7D, or 2026-11-20T00:00:00Z/2026-11-21T00:00:00Z"
    )


_DURATION = re.compile(r"^P(?=\d|T\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$", re.ASCII)

_NARROW = "narrow the query: filter by time and by indexed columns first"
_CORRECT = "correct the query"
_REMEDIES = (
    # these quote the query, in which the words of the others may stand
    (re.compile("could not be parsed|fix (syntax|semantic) errors|failed to resolve", re.IGNORECASE), _CORRECT),
    (re.compile("time-?out|timed out", re.IGNORECASE), _NARROW),
    (
        re.compile("result (set|size)|size of the result", re.IGNORECASE),
        "let the query return less: filter more, project fewer columns, or summarize",
    ),
    (
        re.compile("resources|preempted|allowed limits|size limit", re.IGNORECASE),
        "make the query smaller or cheaper: filter before joining and summarizing",
    ),
)


def _refused(body: object) -> Reason:
    """Return the reason for HTTP 400, with Microsoft's own message whole: it names the place of a mistake."""
    reason = refusals.of_api(400, body, None, [])
    remedies = (remedy for words, remedy in _REMEDIES if words.search(reason.meaning))
    return replace(reason, remedy=next(remedies, _CORRECT))


def _schema(columns: object) -> list[Column] | None:
    """Return the name and the type of each column, None for anything but columns."""
    if not _are(columns, dict):
        return None
    lower = [{name.lower(): str(value) for name, value in column.items()} for column in columns]
    if not all(column.keys() >= {"name", "type"} for column in lower):
        return None
    return [{"name": column["name"], "type": column["type"]} for column in lower]


def _are(values: object, kind: type[T]) -> TypeGuard[list[T]]:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)
