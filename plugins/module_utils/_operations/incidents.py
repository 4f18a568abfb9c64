# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the incidents of each tenant."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from .._core import incidents, permissions, timestamps
from .._core.access import Target
from .._core.clouds import Cloud
from .._core.errors import OptionError
from .._core.files import Draft
from .._core.fleet import Tenant
from .._core.incidents import Dialect, Query, Reader
from .._options import CONNECTION, ONE_OR_MANY, TENANTS
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
    "dest": {"type": "path"},
}
CONSTRAINTS: dict[str, Any] = ONE_OR_MANY

_DIALECTS = {"xdr": incidents.XDR, "graph": incidents.GRAPH}


def run(host: Host) -> dict[str, Any]:
    """Return the incidents of one tenant, or of all. Raises OptionError before any tenant is touched."""
    params = host.params
    session = Session(host)
    dialect, query = _DIALECTS[params["api"]], _query(params)
    target, base_url = _target(params["api"], session.cloud)
    started: list[_IncidentsWork] = []
    destinations = {tenant: _tenants.destination(params, tenant, ".jsonl") for tenant in _tenants.given(params)}

    def work(tenant: Tenant) -> _IncidentsWork:
        job = _IncidentsWork(session, tenant, target, base_url, dialect, query, destinations[tenant], host.check_mode)
        started.append(job)
        return job

    try:
        return _tenants.run(params, work)
    finally:
        for job in started:
            job.discard()


class _IncidentsWork:
    """One tenant's incidents, read page by page into memory or a file; called again after every wait."""

    def __init__(
        self,
        session: Session,
        tenant: Tenant,
        target: Target,
        base_url: str,
        dialect: Dialect,
        query: Query,
        dest: Path | None,
        check_mode: bool,
    ) -> None:
        self._open_reader = lambda: self._reader(session, tenant, target, base_url, dialect, query)
        self._reading: Reader | None = None
        self._records: list[dict[str, Any]] = []
        self._local_filters = query.local_filters(dialect)
        self._dest = dest
        self._check_mode = check_mode
        self._draft: Draft | None = None

    def __call__(self) -> dict[str, Any]:
        reader = self._reading = self._reading or self._open_reader()
        for page in reader.pages():
            self._take(page)
        result: dict[str, Any] = {
            "count": reader.count,
            "truncated": reader.truncated,
            "filtered_locally": self._local_filters,
            "warnings": reader.warnings,
        }
        if self._dest is None:
            return result | {"incidents": self._records}
        changed = self._open_draft(self._dest).commit()
        return result | {"dest": str(self._dest), "changed": changed}

    def discard(self) -> None:
        """Leave no half-written file behind."""
        if self._draft:
            self._draft.discard()

    def _take(self, page: list[dict[str, Any]]) -> None:
        if self._dest is None:
            self._records.extend(page)
        else:
            lines = (json.dumps(record, sort_keys=True) + "\n" for record in page)
            self._open_draft(self._dest).write(lines)

    def _open_draft(self, dest: Path) -> Draft:
        self._draft = self._draft or Draft(dest, dry_run=self._check_mode)
        return self._draft

    @staticmethod
    def _reader(
        session: Session, tenant: Tenant, target: Target, base_url: str, dialect: Dialect, query: Query
    ) -> Reader:
        patience = session.patience()
        # which roles suffice is the dialect's knowledge; the reader checks them itself
        access = session.access(tenant.tenant_id, target, [], patience)
        return Reader(dialect, base_url, query, access, session.transport, patience)


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


def _target(api_name: str, cloud: Cloud) -> tuple[Target, str]:
    api = permissions.APIS[api_name]
    resource = permissions.resource_of(api, cloud)
    base_url = (cloud.graph_url if api is permissions.GRAPH else cloud.xdr_url) or resource
    return Target(resource, api.app_id), base_url
