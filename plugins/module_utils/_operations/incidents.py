# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the incidents of each tenant."""

from __future__ import annotations

import heapq
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._core import incidents, permissions, timestamps
from .._core.access import Target
from .._core.checkpoints import Checkpoint
from .._core.errors import OptionError
from .._core.files import Draft
from .._core.fleet import Tenant
from .._core.incidents import Dialect, Query, Reader
from .._core.records import Record
from .._options import CONNECTION, OF_CUSTOMER, ONE_OR_MANY, TENANTS
from . import _tenants
from ._host import Host
from ._session import Session

ARGUMENTS: dict[str, Any] = {
    **TENANTS,
    **CONNECTION,
    "api": {"type": "str", "choices": ["xdr", "graph"], "default": "xdr"},
    "status": {
        "type": "list",
        "elements": "str",
        "choices": ["Active", "InProgress", "Resolved", "Redirected"],
        "default": [],
    },
    "severity": {
        "type": "list",
        "elements": "str",
        "choices": ["Informational", "Low", "Medium", "High"],
        "default": [],
    },
    "assigned_to": {"type": "str"},
    "created_after": {"type": "str"},
    "updated_after": {"type": "str"},
    "filter": {"type": "str"},
    "limit": {"type": "int"},
    "newest": {"type": "int"},
    "dest": {"type": "path"},
    "checkpoint": {"type": "path"},
}
CONSTRAINTS: dict[str, Any] = {
    "mutually_exclusive": [
        *ONE_OR_MANY["mutually_exclusive"],
        # a checkpoint must not move past what a read left out, or did not hand over
        ("limit", "checkpoint"),
        ("newest", "checkpoint"),
        ("newest", "dest"),
    ]
}
INVENTORY = OF_CUSTOMER

_FILTERS = ("status", "severity", "assigned_to", "created_after", "filter")
_DIALECTS = {"xdr": incidents.XDR, "graph": incidents.GRAPH}


def run(host: Host) -> dict[str, Any]:
    """Return the incidents of one tenant, or of all. Raises OptionError before any tenant is touched."""
    params = host.params
    session = Session(host, INVENTORY)
    order = _order(params, session, host.check_mode)
    work = {
        tenant: _IncidentsWork(
            order,
            tenant,
            _tenants.file_of(params, "dest", tenant, ".jsonl"),
            _tenants.file_of(params, "checkpoint", tenant, ".checkpoint"),
        )
        for tenant in _tenants.given(params)
    }
    try:
        result = _tenants.run(params, work, host.progress)
        for job in work.values():
            job.settle()
        return result
    finally:
        for job in work.values():
            job.discard()


@dataclass(frozen=True)
class _Order:
    """What is asked of every tenant alike."""

    session: Session
    target: Target
    required_role: str
    base_url: str
    dialect: Dialect
    query: Query
    filters: str
    newest: int | None
    check_mode: bool


class _IncidentsWork:
    """One tenant's incidents, read page by page into memory or a file; called again after every wait."""

    def __init__(self, order: _Order, tenant: Tenant, dest: Path | None, checkpoint: Path | None) -> None:
        self._order = order
        self._tenant = tenant
        self._dest = dest
        self._checkpoint_path = checkpoint
        self._checkpoint: Checkpoint | None = None
        self._reader: Reader | None = None
        self._draft: Draft | None = None
        self._records: list[dict[str, Any]] = []
        self._count = 0
        self._started = 0.0
        self._is_read = False

    def __call__(self) -> dict[str, Any]:
        reader = self._reader = self._reader or self._open()
        for page in reader.pages():
            self._take(page)
        result: dict[str, Any] = {
            "count": self._count,
            "truncated": reader.truncated,
            "filtered_locally": self._order.query.local_filters(self._order.dialect),
            "warnings": reader.warnings,
        }
        result |= {"incidents": self._records} if self._dest is None else self._hand_over(self._dest)
        self._is_read = True
        return result

    def settle(self) -> None:
        """Move the checkpoint, once all that the task read has been written or is about to be returned."""
        if self._is_read and self._checkpoint and not self._order.check_mode:
            self._checkpoint.save(self._started)

    def discard(self) -> None:
        """Leave no half-written file behind."""
        if self._draft:
            self._draft.discard()

    def _open(self) -> Reader:
        order, query = self._order, self._order.query
        self._started = time.time()
        if self._checkpoint_path:
            dialect = order.dialect
            scope = f"{dialect.path} of tenant {self._tenant.tenant_id} filtered by {order.filters}"
            self._checkpoint = Checkpoint(self._checkpoint_path, scope, dialect.id_field, dialect.updated_field)
            since = self._checkpoint.read_from()
            query = replace(query, updated_after=query.updated_after if since is None else since)
        patience = order.session.patience()
        access = order.session.access(self._tenant.tenant_id, order.target, [order.required_role], patience)
        return Reader(order.dialect, order.base_url, query, access, order.session.transport, patience)

    def _take(self, page: list[Record]) -> None:
        if self._checkpoint:
            page = self._checkpoint.new(page)
        self._count += len(page)
        if self._dest is None:
            # as plain dictionaries: the engine knows no others, and the texts would only take memory
            self._records.extend(map(dict, page))
            if self._order.newest is not None:
                self._records = heapq.nlargest(self._order.newest, self._records, key=self._updated)
        else:
            self._draft_of(self._dest).write(record.line() for record in page)

    def _updated(self, record: dict[str, Any]) -> int:
        try:
            return timestamps.ticks(str(record.get(self._order.dialect.updated_field)))
        except ValueError:
            return 0

    def _hand_over(self, dest: Path) -> dict[str, Any]:
        """Put what was read into the file: in place of what is there, or behind it where the read is incremental."""
        draft = self._draft_of(dest)
        # a whole read is not synced: what a power cut spoils, the next read replaces
        changed = draft.append() if self._checkpoint else draft.commit(durable=False)
        return {"dest": str(dest), "changed": changed}

    def _draft_of(self, dest: Path) -> Draft:
        self._draft = self._draft or Draft(dest, dry_run=self._order.check_mode)
        return self._draft


def _order(params: dict[str, Any], session: Session, check_mode: bool) -> _Order:
    if params["newest"] is not None and params["newest"] < 0:
        raise OptionError(f"newest is {params['newest']}: it must be at least 0, which leaves the count alone")
    api, cloud = permissions.APIS[params["api"]], session.cloud
    resource = permissions.resource_of(api, cloud)
    base_url = (cloud.graph_url if api is permissions.GRAPH else cloud.xdr_url) or resource
    return _Order(
        session,
        Target(resource, api.app_id),
        api.default_role,
        base_url,
        _DIALECTS[api.name],
        _query(params),
        _filters(params),
        params["newest"],
        check_mode,
    )


def _filters(params: dict[str, Any]) -> str:
    """Return the filters as a checkpoint remembers them: with others it would hand out parts of two sets."""
    return json.dumps({option: params[option] for option in _FILTERS if params[option]}, sort_keys=True)


def _query(params: dict[str, Any]) -> Query:
    if params["limit"] is not None and params["limit"] < 1:
        raise OptionError(f"limit is {params['limit']}: it must be at least 1; leave it out for all incidents")
    now = time.time()
    moments = {
        option: timestamps.option_ticks(option, params[option], now) if params[option] else None
        for option in ("created_after", "updated_after")
    }
    return Query(
        status=tuple(params["status"]),
        severity=tuple(params["severity"]),
        assigned_to=params["assigned_to"] or None,
        raw_filter=params["filter"] or None,
        limit=params["limit"],
        **moments,
    )
