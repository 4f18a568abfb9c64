# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One tenant's read: what is asked, where its checkpoint lets it begin, and how far the checkpoint may move."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..._core import timestamps
from ..._core.errors import OptionError, Postponed, TenantError
from ..._core.identity import permissions
from ..._core.identity.permissions import Api
from ..._core.outcomes import Tenant
from ..._core.reading import dialects, shapes
from ..._core.reading.capacity import Capacity
from ..._core.reading.checkpoints import OVERLAP, Checkpoint
from ..._core.reading.dialects import Dialect
from ..._core.reading.handed_over import FileEnd
from ..._core.reading.listing import Listing
from ..._core.reading.portal import Portal
from ..._core.reading.quarantine import Quarantined
from ..._core.reading.queries import Query
from ..._core.reading.reader import Reader
from ..._core.reading.windows import Window
from ..._core.wire.records import Record
from ..session import Session
from ..task_context import Params, TaskContext

_PROOF_LASTS = 3600 * timestamps.TICKS_PER_SECOND
# an empty text is everything for a task alone: an empty variable of a host is one that is not set
_EVERYTHING = ("", "all")
_SCOPE = ("status", "severity", "assigned_to", "created_after", "filter")


@dataclass(frozen=True)
class ReadRequest:
    """What is asked of every tenant alike. `scope` is what a checkpoint remembers of the filters.

    `restarts` has a read begin anew where its checkpoint is of the other API, and `keeps_beginning` has a checkpoint
    remember where the first read began, even if there was nothing to read.
    """

    session: Session
    api: Api
    dialect: Dialect
    query: Query
    scope: str
    backfill_from: int
    normalizes: bool
    expands: bool
    check_mode: bool
    restarts: bool
    keeps_beginning: bool


def read_request(
    task: TaskContext, session: Session, api: Api, dialect: Dialect, keeps_beginning: bool = False
) -> ReadRequest:
    """Return what the options ask for. Raises OptionError for what no tenant could be asked."""
    params = task.params
    session.check_api(api)
    now = time.time()
    warn_of_future(task, ("created_after", "updated_after"), now)
    return ReadRequest(
        session,
        api,
        dialect,
        _query(params, now),
        json.dumps({option: params[option] for option in _SCOPE if params.get(option)}, sort_keys=True),
        _backfill_from(task, now),
        params["normalize"],
        params.get("alerts", False),
        task.check_mode,
        params.get("switched_checkpoint") == "restart",
        keeps_beginning,
    )


class TenantRead:
    """Hands out one tenant's records in portions: all that is requested, or what a checkpoint does not know.

    Its maker calls `settle` after the last of them has been handed over, or `settle_part` after some have, and where
    they go to the file `dest`, `prepare` before that. `portal` is the tenant's, from the first portion on.
    `switched_from` names the other API where the read goes on from the checkpoint of that one. Raises TenantError for a
    checkpoint that cannot be used.
    """

    def __init__(self, request: ReadRequest, tenant: Tenant, checkpoint: Path | None, dest: Path | None = None) -> None:
        self._request = request
        self._dest = dest
        self._tenant = tenant
        self._started = int(time.time() * timestamps.TICKS_PER_SECOND)
        calls = request.session.calls(tenant.tenant_id, request.api)
        other = dialects.counterpart(request.dialect)
        self._checkpoint = self._open(checkpoint, other) if checkpoint else None
        self.switched_from = other.api if other and self._checkpoint and self._checkpoint.is_switched else None
        query = request.query
        if self._checkpoint:
            query = replace(query, updated_after=self._since(self._checkpoint))
        # not further back than this read reaches itself, wherever the next one begins
        self._settled_until = (query.updated_after or 0) + OVERLAP
        self.portal: Portal | None = None
        self._calls = calls
        self.reader = Reader(
            calls,
            request.dialect,
            query,
            *self._known(),
            expands=request.expands,
            remembered=self._remembered(),
            handed_over=self._handed_over(),
        )

    @property
    def warnings(self) -> list[str]:
        """What somebody should know of a read that went well."""
        warnings = list(self.reader.warnings)
        if self._checkpoint and self.reader.timeless:
            records = self._request.dialect.records
            warnings.append(f"{self.reader.timeless} of the {records} tell no time of last update, and may come again")
        return warnings

    def pages(self) -> Iterator[list[Record]]:
        """Yield records in portions. It can be called again, and goes on. Raises TenantError or Postponed."""
        self.portal = self.portal or Portal(self._request.session.cloud.portal_host, self._calls.tenant_guid())
        yield from self.reader.pages()
        self._name_quarantined()

    def prepare(self) -> Path | None:
        """Make ready the file that records are about to be added to, and return where one of another shape was put.

        Before the first read adds to a file, its checkpoint learns where that ends. Raises OSError.
        """
        checkpoint, check_mode = self._checkpoint, self._request.check_mode
        if not (checkpoint and self._dest):
            return None
        aside = shapes.set_aside(self._dest, self._request.dialect, check_mode)
        if (aside or checkpoint.is_switched or checkpoint.watermark is None) and not check_mode:
            checkpoint.file_end = FileEnd.of(self._dest)
            # what cannot be written now cannot be later either, and `settle` tells that
            with contextlib.suppress(OSError):
                if checkpoint.watermark is None:
                    checkpoint.save(self._settled_until, {}, [], begun=False)
                else:
                    checkpoint.save(checkpoint.watermark, checkpoint.seen, checkpoint.owed, checkpoint.begun)
        return aside

    def settle(self) -> None:
        """Move the checkpoint behind the whole read."""
        # a record that claims to come from the future says nothing of how far everything has been read
        past = (updated for updated in self.reader.seen.values() if updated <= self._started)
        self._move(max(past, default=0))

    def settle_part(self) -> int:
        """Move the checkpoint behind what has been read so far, and return up to which moment that is complete."""
        return self._move(self.reader.read_until, is_part=True)

    def _open(self, path: Path, other: Dialect | None) -> Checkpoint:
        scope = self._scope(self._request.dialect)
        return Checkpoint(path, scope, self._scope(other) if other else None, anew=self._request.restarts)

    def _scope(self, dialect: Dialect) -> str:
        return f"{dialect.path} of tenant {self._tenant.tenant_id} filtered by {self._request.scope}"

    def _since(self, checkpoint: Checkpoint) -> int:
        """Return where to begin. Raises TenantError where a clock that was or is wrong makes that a moment to come."""
        checkpoint.check_clock(self._started)
        since, backfill_from = checkpoint.read_from(), self._request.backfill_from
        if since is None:
            return backfill_from
        # a beginning that nothing was read from yet is only what this machine's clock said then
        return min(since, self._started - OVERLAP if checkpoint.begun else backfill_from)

    def _remembered(self) -> Capacity:
        """Return what pages were seen to hold, unless that was long ago: services change."""
        if self._checkpoint and 0 <= self._started - self._checkpoint.proven_at < _PROOF_LASTS:
            return self._checkpoint.capacity
        return Capacity()

    def _known(self) -> tuple[dict[str, int], list[Quarantined]]:
        return (dict(self._checkpoint.seen), self._checkpoint.owed) if self._checkpoint else ({}, [])

    def _handed_over(self) -> Iterator[Record]:
        """Yield what the file holds that the checkpoint does not know of."""
        if self._checkpoint and self._checkpoint.file_end and self._dest:
            yield from self._checkpoint.file_end.records_behind(self._dest)

    def _move(self, read_until: int, is_part: bool = False) -> int:
        """Move the checkpoint to the moment (ticks), but not past the read's own start: what came since may be behind
        its page. Return where that is."""
        read_until = min(read_until, self._started)
        self._settled_until = max(self._settled_until, read_until)
        if self._checkpoint and not self._request.check_mode and self._has_begun():
            held = self.reader.capacity
            self._checkpoint.capacity = held if self.reader.was_cut else held | self._checkpoint.capacity
            if self.reader.is_proven:
                self._checkpoint.proven_at = self._started
            had_begun = self._checkpoint.watermark is not None and self._checkpoint.begun
            begun = had_begun or bool(self.reader.seen or self.reader.left_out)
            self._note_file_end(self._checkpoint, is_part)
            self._checkpoint.save(self._settled_until, self.reader.seen, self.reader.left_out, begun)
        return read_until

    def _note_file_end(self, checkpoint: Checkpoint, is_part: bool) -> None:
        """Note where the file ends; after a part of a read leave it at where the read began.

        The read that goes on knows what stands behind that, also what is older than the checkpoint remembers.
        """
        if not self._dest:
            checkpoint.file_end = None
        elif not (is_part and checkpoint.file_end and checkpoint.file_end.is_of(self._dest)):
            checkpoint.file_end = FileEnd.of(self._dest)

    def _has_begun(self) -> bool:
        """Tell whether there is anything to remember: with nothing ever read, the next read is still the first."""
        return bool(self.reader.seen or self.reader.left_out or self._request.keeps_beginning)

    def _name_quarantined(self) -> None:
        """Ask Graph for the ids that the XDR API does not tell: it knows the same incidents, without their alerts."""
        unnamed = sorted({left_out.updated for left_out in self.reader.quarantined if left_out.id is None})
        if not unnamed or self._request.api is permissions.GRAPH:
            return
        listing = Listing(
            self._request.session.calls(self._tenant.tenant_id, permissions.GRAPH), dialects.GRAPH_INCIDENTS, Query()
        )
        for moment in unnamed:
            try:
                page = listing.page(Window(moment, moment + 1))
            except (TenantError, Postponed):
                # a customer need not have consented to Graph, and a name is worth no wait
                return
            self.reader.name_quarantined(moment, [str(record.get("id")) for record in page.records])


def _backfill_from(task: TaskContext, now: float) -> int:
    """Return where the first read of a tenant begins (ticks), by the option `backfill`; `now` is in seconds."""
    if task.params["backfill"] in _EVERYTHING:
        return 0
    warn_of_future(task, ("backfill",), now)
    return timestamps.option_ticks("backfill", task.params["backfill"], now)


def warn_of_future(task: TaskContext, options: Iterable[str], now: float) -> None:
    """Warn of options that name a moment after `now` (seconds): nothing is found there, and that looks like peace."""
    for option in options:
        if (
            task.params.get(option)
            and timestamps.option_ticks(option, task.params[option], now) > now * timestamps.TICKS_PER_SECOND
        ):
            task.warn(
                f"{option} {task.params[option]} is in the future by this machine's clock: nothing before it is read"
            )


def _query(params: Params, now: float) -> Query:
    limit = params.get("limit")
    if limit is not None and limit < 1:
        raise OptionError(f"limit is {limit}: it must be at least 1; leave it out for all")
    moments = {
        option: timestamps.option_ticks(option, params[option], now) if params.get(option) else None
        for option in ("created_after", "updated_after")
    }
    return Query(
        status=tuple(params["status"]),
        severity=tuple(params["severity"]),
        assigned_to=params["assigned_to"] or None,
        raw_filter=params["filter"] or None,
        limit=limit,
        **moments,
    )
