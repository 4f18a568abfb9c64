# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of one tenant, or of all: into memory or a file, and handed over before a checkpoint moves past them."""

from __future__ import annotations

import contextlib
import heapq
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from ..._core import errors, timestamps
from ..._core.errors import OptionError, Postponed, TenantError
from ..._core.files import Draft
from ..._core.identity.permissions import Api
from ..._core.outcomes import Tenant
from ..._core.reading.dialects import Dialect
from ..._core.reading.normalized import normalized, severity_of, with_normalized
from ..._core.reading.portal import Portal
from ..._core.reading.quarantine import QuarantinedResult
from ..._core.results import Result
from ..._core.waiting import clock
from ..._core.wire.records import JsonObject, Record, check_depth
from .. import fleet_task
from ..fleet_task import TenantsResult
from ..operation import Constraints, OptionSpec
from ..options import ONE_OR_MANY
from ..session import Session
from ..task_context import TaskContext
from .tenant_read import ReadRequest, TenantRead, read_request

ARGUMENTS: dict[str, OptionSpec] = {
    "assigned_to": {"type": "str"},
    "created_after": {"type": "str"},
    "updated_after": {"type": "str"},
    "filter": {"type": "str"},
    "limit": {"type": "int"},
    "newest": {"type": "int"},
    "normalize": {"type": "bool", "default": True},
    "dest": {"type": "path"},
    "checkpoint": {"type": "path"},
    "backfill": {"type": "str", "default": "30d"},
}
CONSTRAINTS: Constraints = {
    "mutually_exclusive": [
        *ONE_OR_MANY["mutually_exclusive"],
        # a checkpoint must not move past what a read left out, or did not hand over
        ("limit", "checkpoint"),
        ("updated_after", "checkpoint"),
    ]
}

_PORTION_SECONDS = 30
"""How long what has been read may wait to be handed over. The call that is under way then is waited for, by default no
longer than that, so that a kill costs at most a minute of reading."""


class ReadResult(TenantsResult, total=False):
    """What a read came to, beside the records; where it did not finish, `complete_until` says how far it got."""

    count: int
    severities: dict[str, int]
    truncated: bool
    filtered_locally: list[str]
    quarantined: list[QuarantinedResult]
    complete_until: str
    dest: str
    set_aside: str


Told = Callable[[TenantRead, "list[JsonObject] | None"], ReadResult]
"""Returns what an operation says of its own records, which are None where they went into a file."""


def run(task: TaskContext, session: Session, api: Api, dialect: Dialect, told: Told) -> Result:
    """Return the records of one tenant, or of all. Raises OptionError before any tenant is touched."""
    params = task.params
    # what goes into a file, or moves a checkpoint, goes there whole
    newest = None if params["dest"] or params["checkpoint"] else params["newest"]
    if newest is not None and newest < 0:
        raise OptionError(f"newest is {newest}: it must be at least 0, which leaves the count alone")
    request = read_request(task, session, api, dialect)
    work = {
        tenant: _Reading(
            request,
            told,
            task.note_kept,
            newest,
            tenant,
            fleet_task.file_of(params, "dest", tenant, ".jsonl", task.check_mode),
            fleet_task.file_of(params, "checkpoint", tenant, ".checkpoint", task.check_mode, is_read_back=True),
        )
        for tenant in fleet_task.given(params, "dest", "checkpoint")
    }
    try:
        result = fleet_task.run(params, work, task.progress)
        for job in work.values():
            job.settle(task)
        return result
    finally:
        for job in work.values():
            job.discard()


class _IsOver(Exception):
    """The task has ended without this read."""


class _Reading:
    """One tenant's read; called again after every wait."""

    def __init__(
        self,
        request: ReadRequest,
        told: Told,
        note_kept: Callable[[], None],
        newest: int | None,
        tenant: Tenant,
        dest: Path | None,
        checkpoint: Path | None,
    ) -> None:
        self._request = request
        self._told = told
        self._note_kept = note_kept
        self._newest = newest
        self._tenant = tenant
        self._dest = dest
        self._checkpoint = checkpoint
        self._read: TenantRead | None = None
        self._draft: Draft | None = None
        self._records: list[JsonObject] = []
        self._severities: Counter[str] = Counter()
        self._changed = False
        self._set_aside: Path | None = None
        self._unsettled: TenantRead | None = None
        self._due = 0.0
        self._is_noted = False
        self._is_over = False
        self._lock = threading.Lock()

    def __call__(self) -> ReadResult:
        read = self._read = self._read or self._begin()
        try:
            for page in read.pages():
                with self._writing():
                    self._take(page, read.portal)
                    if self._due <= clock.monotonic():
                        self._hand_over_part(read)
        except (TenantError, Postponed) as error:
            # a wait may end in a kill, and a trouble may stay: what has been read is safe then, and not read again
            with self._writing():
                part = self._hand_over_part(read)
            if isinstance(error, TenantError):
                raise TenantError(error.reason, part) from None
            raise
        reader = read.reader
        result: ReadResult = {
            **self._told(read, self._records if self._dest is None else None),
            "count": reader.count,
            "severities": dict(self._severities),
            "truncated": reader.truncated,
            "filtered_locally": self._request.query.local_filters(self._request.dialect),
            "quarantined": [left_out.to_result() for left_out in reader.quarantined],
            "warnings": read.warnings,
        }
        if self._dest is None:
            self._unsettled = read
            return result
        with self._writing():
            result |= self._hand_over(read, self._dest)
            try:
                # at once: another tenant may take long, and the task be killed meanwhile
                read.settle()
                self._note()
            except OSError:
                self._unsettled = read
        return result

    def settle(self, task: TaskContext) -> None:
        """Move the checkpoint where that had to wait until the task is about to return what it read."""
        try:
            if self._unsettled:
                self._unsettled.settle()
        except OSError as error:
            # a task that failed now would lose what it was to return of tenants whose checkpoints have moved
            name = self._tenant.name
            task.warn(f"{name}: what was read comes again with the next run, because {errors.unusable_file(error)}")

    def discard(self) -> None:
        """Leave no half-written file behind, and let a thread that reads on write none."""
        with self._lock:
            self._is_over = True
            if self._draft:
                self._draft.discard()

    def _begin(self) -> TenantRead:
        self._due = clock.monotonic() + _PORTION_SECONDS
        return TenantRead(self._request, self._tenant, self._checkpoint, self._dest)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Keep `discard` waiting meanwhile. Raises _IsOver after it: the next run reads the same again."""
        with self._lock:
            if self._is_over:
                raise _IsOver
            yield

    def _note(self) -> None:
        """Note, once, that of this tenant something is kept that the next run goes on behind."""
        if self._dest and self._checkpoint and not self._is_noted:
            self._is_noted = True
            self._note_kept()

    def _take(self, page: list[Record], portal: Portal | None) -> None:
        request = self._request
        self._severities.update(severity_of(record) for record in page)
        if self._dest is not None:
            lines = (with_normalized(record, portal) if request.normalizes else record for record in page)
            self._draft_of(self._dest).write(record.line() for record in lines)
            return
        for record in page:
            check_depth(record, request.dialect.records, "read into a file: set dest")
        # as plain dictionaries: the engine knows no others, and the texts would only take memory
        self._records.extend(
            {**record, "normalized": normalized(record, portal)} if request.normalizes else dict(record)
            for record in page
        )
        if self._newest is not None:
            self._records = heapq.nlargest(self._newest, self._records, key=self._updated)

    def _updated(self, record: JsonObject) -> int:
        return timestamps.ticks_or_none(record.get(self._request.dialect.updated_field)) or 0

    def _hand_over(self, read: TenantRead, dest: Path) -> ReadResult:
        """Put what was read into the file: in place of what is there, or behind it where the read is incremental."""
        draft = self._draft_of(dest)
        if draft.has_lines:
            self._set_aside = read.prepare() or self._set_aside
        # a whole read is not synced: what a power cut spoils, the next read replaces
        self._changed |= draft.append() if self._checkpoint else draft.commit(durable=False)
        result: ReadResult = {"dest": str(dest), "changed": self._changed}
        if self._set_aside:
            result["set_aside"] = str(self._set_aside)
        return result

    def _hand_over_part(self, read: TenantRead) -> ReadResult:
        """Do the same with what has been read so far, where the next read can go on behind it."""
        if not (self._dest and self._checkpoint):
            return {}
        handed_over = self._hand_over(read, self._dest)
        self._draft = None
        read_until = timestamps.render(read.settle_part())
        if read.reader.count:
            self._note()
        self._due = clock.monotonic() + _PORTION_SECONDS
        handed_over |= {"count": read.reader.count, "severities": dict(self._severities)}
        return {**handed_over, "complete_until": read_until}

    def _draft_of(self, dest: Path) -> Draft:
        self._draft = self._draft or Draft(dest, dry_run=self._request.check_mode)
        return self._draft
