# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One tenant's records: read into memory or a file, whole or only what is new, and handed over before that is noted."""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._core import errors, timestamps
from .._core.errors import OptionError, Postponed, TenantError
from .._core.files import Draft
from .._core.fleet import Tenant
from .._core.identity import permissions
from .._core.identity.permissions import Api
from .._core.reading import dialects
from .._core.reading.checkpoints import Checkpoint
from .._core.reading.dialects import Dialect
from .._core.reading.normalized import normalized, with_normalized
from .._core.reading.pages import Pages
from .._core.reading.queries import Query
from .._core.reading.reading import Reader
from .._core.reading.windows import Window
from .._core.wire.records import Record
from .._options import ONE_OR_MANY
from . import _tenants
from ._host import Host
from ._session import Session

ARGUMENTS: dict[str, Any] = {
    "assigned_to": {"type": "str"},
    "created_after": {"type": "str"},
    "updated_after": {"type": "str"},
    "filter": {"type": "str"},
    "limit": {"type": "int"},
    "newest": {"type": "int"},
    "normalize": {"type": "bool", "default": False},
    "dest": {"type": "path"},
    "checkpoint": {"type": "path"},
    "backfill": {"type": "str", "default": "30d"},
}
CONSTRAINTS: dict[str, Any] = {
    "mutually_exclusive": [
        *ONE_OR_MANY["mutually_exclusive"],
        # a checkpoint must not move past what a read left out, or did not hand over
        ("limit", "checkpoint"),
        ("newest", "checkpoint"),
        ("updated_after", "checkpoint"),
        ("newest", "dest"),
    ]
}

_SCOPE = ("status", "severity", "assigned_to", "created_after", "filter")


@dataclass(frozen=True)
class Order:
    """What is asked of every tenant alike. `scope` is what a checkpoint remembers of the filters."""

    session: Session
    api: Api
    dialect: Dialect
    query: Query
    scope: str
    backfill_from: int
    newest: int | None
    normalizes: bool
    expands: bool
    check_mode: bool


def run(host: Host, session: Session, api: Api, dialect: Dialect) -> dict[str, Any]:
    """Return the records of one tenant, or of all. Raises OptionError before any tenant is touched."""
    params = host.params
    order = _order(params, session, api, dialect, host.check_mode)
    work = {
        tenant: _Reading(
            order,
            tenant,
            _tenants.file_of(params, "dest", tenant, ".jsonl", host.check_mode),
            _tenants.file_of(params, "checkpoint", tenant, ".checkpoint", host.check_mode),
        )
        for tenant in _tenants.given(params)
    }
    try:
        result = _tenants.run(params, session.counting(work), host.progress)
        for job in work.values():
            job.settle(host)
        return result
    finally:
        for job in work.values():
            job.discard()


class _Reading:
    """One tenant's read; called again after every wait."""

    def __init__(self, order: Order, tenant: Tenant, dest: Path | None, checkpoint: Path | None) -> None:
        self._order = order
        self._tenant = tenant
        self._dest = dest
        self._checkpoint_path = checkpoint
        self._checkpoint: Checkpoint | None = None
        self._reader: Reader | None = None
        self._draft: Draft | None = None
        self._records: list[dict[str, Any]] = []
        self._started = 0.0
        self._changed = False
        self._is_read = False

    def __call__(self) -> dict[str, Any]:
        reader = self._reader = self._reader or self._open()
        try:
            for page in reader.pages():
                self._take(page)
            self._name_quarantined(reader)
        except (TenantError, Postponed) as error:
            # a wait may end in a kill, and a trouble may stay: what has been read is safe then, and not read again
            part = self._hand_over_part(reader)
            if isinstance(error, TenantError):
                raise TenantError(error.reason, part) from None
            raise
        result = {
            "count": reader.count,
            "truncated": reader.truncated,
            "filtered_locally": self._order.query.local_filters(self._order.dialect),
            **({"redirects": reader.redirects} if self._order.dialect.redirect_field else {}),
            "quarantined": [left_out.to_result() for left_out in reader.quarantined],
            "warnings": reader.warnings,
        }
        result |= self._hand_over(self._dest) if self._dest else {self._order.dialect.records: self._records}
        self._is_read = True
        return result

    def settle(self, host: Host) -> None:
        """Move the checkpoint, once all that the task read has been written or is about to be returned."""
        if not (self._is_read and self._reader and self._checkpoint):
            return
        newest = max(self._reader.seen.values(), default=0)
        try:
            self._save(self._checkpoint, self._reader, self._before_start(newest))
        except OSError as error:
            # a task that failed now would lose what it was to return of tenants whose checkpoints have moved
            name = self._tenant.name
            host.warn(f"{name}: what was read comes again with the next run, because {errors.unusable_file(error)}")

    def discard(self) -> None:
        """Leave no half-written file behind."""
        if self._draft:
            self._draft.discard()

    def _open(self) -> Reader:
        order, query = self._order, self._order.query
        self._started = time.time()
        calls = order.session.calls(self._tenant.tenant_id, order.api)
        if not self._checkpoint_path:
            return Reader(calls, order.dialect, query, expands=order.expands)
        scope = f"{order.dialect.path} of tenant {self._tenant.tenant_id} filtered by {order.scope}"
        kept = self._checkpoint = Checkpoint(self._checkpoint_path, scope)
        since = kept.read_from()
        query = replace(query, updated_after=order.backfill_from if since is None else since)
        return Reader(calls, order.dialect, query, dict(kept.seen), kept.owed, order.expands)

    def _name_quarantined(self, reader: Reader) -> None:
        """Ask Graph for the ids that the XDR API does not tell: it knows the same incidents, without their alerts."""
        unnamed = sorted({left_out.updated for left_out in reader.quarantined if left_out.id is None})
        if not unnamed or self._order.api is permissions.GRAPH:
            return
        pages = Pages(
            self._order.session.calls(self._tenant.tenant_id, permissions.GRAPH), dialects.GRAPH_INCIDENTS, Query()
        )
        for moment in unnamed:
            try:
                page = pages.of(Window(moment, moment + 1))
            except (TenantError, Postponed):
                # a customer need not have consented to Graph, and a name is worth no wait
                return
            reader.name_quarantined(moment, [str(record.get("id")) for record in page.records])

    def _take(self, page: list[Record]) -> None:
        order = self._order
        if self._dest is not None:
            lines = (with_normalized(record) if order.normalizes else record for record in page)
            self._draft_of(self._dest).write(record.line() for record in lines)
            return
        # as plain dictionaries: the engine knows no others, and the texts would only take memory
        self._records.extend(
            {**record, "normalized": normalized(record)} if order.normalizes else dict(record) for record in page
        )
        if order.newest is not None:
            self._records = heapq.nlargest(order.newest, self._records, key=self._updated)

    def _updated(self, record: Mapping[str, Any]) -> int:
        return timestamps.ticks_or_none(record.get(self._order.dialect.updated_field)) or 0

    def _hand_over(self, dest: Path) -> dict[str, Any]:
        """Put what was read into the file: in place of what is there, or behind it where the read is incremental."""
        draft = self._draft_of(dest)
        # a whole read is not synced: what a power cut spoils, the next read replaces
        self._changed |= draft.append() if self._checkpoint else draft.commit(durable=False)
        return {"dest": str(dest), "changed": self._changed}

    def _hand_over_part(self, reader: Reader) -> dict[str, Any]:
        """Do the same with what has been read so far, where the next read can go on behind it."""
        if not (self._dest and self._checkpoint):
            return {}
        handed_over = self._hand_over(self._dest)
        self._draft = None
        read_until = self._before_start(reader.read_until)
        self._save(self._checkpoint, reader, read_until)
        return {"count": reader.count, "complete_until": timestamps.render(read_until), **handed_over}

    def _before_start(self, moment: int) -> int:
        """Return the moment (ticks), but no later than the read started: what came since may be behind its page."""
        return min(moment, int(self._started * timestamps.TICKS_PER_SECOND))

    def _save(self, checkpoint: Checkpoint, reader: Reader, read_until: int) -> None:
        if not self._order.check_mode and (reader.seen or reader.left_out):
            # with nothing ever read, the next read is still the first
            checkpoint.save(read_until, reader.seen, reader.left_out)

    def _draft_of(self, dest: Path) -> Draft:
        self._draft = self._draft or Draft(dest, dry_run=self._order.check_mode)
        return self._draft


def _order(params: dict[str, Any], session: Session, api: Api, dialect: Dialect, check_mode: bool) -> Order:
    if params["newest"] is not None and params["newest"] < 0:
        raise OptionError(f"newest is {params['newest']}: it must be at least 0, which leaves the count alone")
    session.check_api(api)
    now = time.time()
    return Order(
        session,
        api,
        dialect,
        _query(params, now),
        json.dumps({option: params[option] for option in _SCOPE if params[option]}, sort_keys=True),
        timestamps.option_ticks("backfill", params["backfill"], now) if params["backfill"] else 0,
        params["newest"],
        params["normalize"],
        params.get("alerts", False),
        check_mode,
    )


def _query(params: dict[str, Any], now: float) -> Query:
    if params["limit"] is not None and params["limit"] < 1:
        raise OptionError(f"limit is {params['limit']}: it must be at least 1; leave it out for all")
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
