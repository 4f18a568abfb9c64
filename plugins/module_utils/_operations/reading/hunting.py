# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one hunting query in each tenant."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..._core import files, timestamps
from ..._core.calls import Calls
from ..._core.errors import OptionError
from ..._core.hunting import queries, row_formats
from ..._core.hunting.queries import MOST_ROWS, Column, Dialect, Query
from ..._core.hunting.rows_file import RowsFile
from ..._core.identity import permissions
from ..._core.identity.permissions import Api
from ..._core.outcomes import Tenant
from ..._core.results import Result
from ..._core.wire.records import JsonObject, check_depth
from .. import fleet_task
from ..fleet_task import TenantsResult
from ..operation import Constraints, Operation, OptionSpec
from ..options import API, CONNECTION, OF_CUSTOMER, OF_RUN, ONE_OR_MANY, PACED, PREFIX, TENANTS
from ..session import Session
from ..task_context import Params, TaskContext

ARGUMENTS: dict[str, OptionSpec] = {
    **TENANTS,
    **CONNECTION,
    **PACED,
    **API,
    "query": {"type": "str"},
    "query_file": {"type": "path"},
    "timespan": {"type": "str"},
    "dest": {"type": "path"},
}
CONSTRAINTS: Constraints = {
    "mutually_exclusive": [*ONE_OR_MANY["mutually_exclusive"], ("query", "query_file")],
    "required_one_of": [("query", "query_file")],
}
VARIABLES = OF_CUSTOMER
SETTINGS = {
    **OF_RUN,
    **{option: f"{PREFIX}hunt_{option}" for option in ("api", "query_file", "query", "timespan", "dest")},
}

_DIALECTS = {"graph": queries.GRAPH, "xdr": queries.XDR}
_TRUNCATED = f"{MOST_ROWS:,} rows are the most that Microsoft returns, and there may be more: narrow the query"


class HuntingResult(TenantsResult, total=False):
    """What the query found in a tenant, and the file of the rows of all; `stats` is what it cost."""

    rows: list[JsonObject]
    count: int
    truncated: bool
    schema: list[Column]
    stats: JsonObject
    from_earlier_run: bool
    finished_at: str
    dest: str


def run(task: TaskContext) -> Result:
    """Return the rows of one tenant, or of all. Raises OptionError before any tenant is touched."""
    params = task.params
    session = Session(task, VARIABLES)
    api = permissions.APIS[params["api"]]
    query = _query(params)
    tenants = fleet_task.given(params)
    session.check_api(api)
    with _rows_file(params, query, task.check_mode) as rows_file:
        request = _HuntRequest(session, api, _DIALECTS[api.name], query, rows_file, task.note_kept)
        work = {tenant: _HuntWork(request, tenant) for tenant in tenants}
        result: Result = fleet_task.run(params, work, task.progress)
    written: Result = HuntingResult(dest=params["dest"]) if rows_file else {}
    return {**result, **written}


@dataclass(frozen=True)
class _HuntRequest:
    """What is asked of every tenant alike."""

    session: Session
    api: Api
    dialect: Dialect
    query: Query
    rows_file: RowsFile | None
    note_kept: Callable[[], None]


class _HuntWork:
    """The query in one tenant; called again after every wait."""

    def __init__(self, request: _HuntRequest, tenant: Tenant) -> None:
        self._request = request
        self._tenant = tenant
        self._calls: Calls | None = None

    def __call__(self) -> HuntingResult:
        rows_file = self._request.rows_file
        earlier = rows_file.finished(self._tenant.tenant_id) if rows_file else None
        if earlier:
            self._request.note_kept()
            told: HuntingResult = {"from_earlier_run": True, "finished_at": earlier.finished_at}
            return _counted(earlier.count, earlier.truncated, []) | told
        return self._ask()

    def _ask(self) -> HuntingResult:
        request = self._request
        calls = self._calls = self._calls or request.session.calls(self._tenant.tenant_id, request.api)
        answer = queries.ask(calls, request.dialect, request.query)
        asked: HuntingResult = {"schema": answer.schema}
        if answer.stats:
            asked["stats"] = answer.stats
        if request.rows_file is None:
            for row in answer.rows:
                check_depth(row, "rows", "read into a file: set dest, or project fewer columns")
            # as plain dictionaries: the engine knows no others
            asked["rows"] = list(map(dict, answer.rows))
            return _counted(len(answer.rows), answer.truncated, []) | asked
        finished_at = timestamps.render_seconds(time.time())
        lacking = request.rows_file.add(self._tenant, answer, finished_at)
        request.note_kept()
        told: HuntingResult = {"from_earlier_run": False, "finished_at": finished_at, "changed": True}
        return _counted(len(answer.rows), answer.truncated, lacking) | asked | told


def _counted(count: int, truncated: bool, lacking: list[str]) -> HuntingResult:
    warnings = [_TRUNCATED] if truncated else []
    if lacking:
        warnings.append(f"this tenant's rows have no {', '.join(lacking)}, which other tenants' rows have")
    return {"count": count, "truncated": truncated, "warnings": warnings}


@contextlib.contextmanager
def _rows_file(params: Params, query: Query, check_mode: bool) -> Iterator[RowsFile | None]:
    if not params["dest"]:
        yield None
        return
    path = Path(params["dest"])
    form = row_formats.by_suffix("dest", path.name)
    if params["tenants"] is not None and not check_mode:
        files.make_folder(path.parent)
    fleet_task.check_folder("dest", path.parent, check_mode, is_read_back=True)
    if path.is_dir():
        raise OptionError(f"dest: {path} is a folder: name a file in it")
    scope = hashlib.sha256(json.dumps([query.text, query.timespan, params["api"]]).encode()).hexdigest()
    with contextlib.closing(RowsFile(path, form, scope, dry_run=check_mode)) as rows_file:
        yield rows_file


def _query(params: Params) -> Query:
    timespan = params["timespan"] or None
    if timespan and params["api"] == "xdr":
        raise OptionError(
            "timespan: the Defender XDR API takes none: filter by Timestamp in the query, or set api: graph"
        )
    option, text = "query", params["query"]
    if params["query_file"]:
        option = "query_file"
        text = files.given_text(option, Path(params[option]))
    if not (text or "").strip():
        raise OptionError(
            f"{option}: the query is empty: write one in the Kusto language, such as DeviceInfo | take 10"
        )
    return Query(text, queries.check_timespan(timespan) if timespan else None)


OPERATION = Operation(
    ARGUMENTS, run=run, returns=HuntingResult, constraints=CONSTRAINTS, variables=VARIABLES, settings=SETTINGS
)
