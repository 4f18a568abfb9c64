# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of many tenants in one file that a later run goes on with: it adds the tenants that are not there yet.

A journal beside the file has a line for each tenant that is there, with the length that the file then had. What goes
beyond the last of these lengths was written by a run that was killed, and is cut off: no row is lost, and none doubled.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from .. import drafts, errors, ownership
from ..errors import OptionError, Reason, TenantError
from ..outcomes import Tenant
from .journal import Journal, write_at
from .queries import Answer
from .row_formats import TENANT, Csv, JsonLines

_CHANGED = "was changed by somebody else"


@dataclass(frozen=True)
class Entry:
    """A tenant whose rows are in the file: how many, whether it may have more, and since when they are there.

    `length` is that of the file with them, in bytes; `columns` is how many columns its head then had.
    """

    tenant_id: str
    count: int
    truncated: bool
    finished_at: str
    length: int
    columns: int


class RowsFile:
    """A 0600 file and its journal, for one run at a time; threads may share it. `scope` says what the rows answer.

    With `dry_run` nothing is written, and `add` does nothing. Raises OptionError for a file that holds something else,
    or that another run is writing, and UntrustedFile for one that is not this user's own.
    """

    def __init__(self, path: Path, form: JsonLines | Csv, scope: str, dry_run: bool = False) -> None:
        self._path = path
        self._form = form
        self._scope = scope
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._last = Entry("", 0, False, "", 0, 0)
        self._columns: list[str] = []
        journal = self._open_journal(dry_run)
        self._journal: Journal | None = journal
        try:
            if self._load(journal) and not dry_run:
                self._cut()
            if not self._entries:
                journal.clear()
        except BaseException:
            self.close()
            raise
        if dry_run:
            self.close()

    def finished(self, tenant_id: str) -> Entry | None:
        """Return what is known of a tenant whose rows are in the file, None for any other."""
        return self._entries.get(tenant_id.lower())

    def add(self, tenant: Tenant, answer: Answer, finished_at: str) -> list[str]:
        """Add a tenant's rows, synced to disk, and return the columns of the file that the tenant does not have.

        Raises TenantError where they cannot be written; the file is then as it was before.
        """
        columns = answer.columns()
        if TENANT in columns:
            meaning = f"the query returns a column '{TENANT}', and in {self._path} that names the customer"
            raise TenantError(Reason(errors.ERROR, meaning, "give the column another name in the query"))
        with self._lock:
            # nothing may be written once another run may have the file, nor a tenant twice that goes by two names
            if self._journal is None or self.finished(tenant.tenant_id):
                return []
            try:
                self._add(self._journal, tenant, answer, columns, finished_at)
            except OSError as error:
                with contextlib.suppress(OSError):
                    self._cut()
                meaning = f"its rows could not be added to {self._path} ({error.strerror})"
                remedy = "fix that and run again, which asks only the tenants that are not in the file"
                raise TenantError(Reason(errors.ERROR, meaning, remedy)) from None
            return [column for column in self._columns if column not in columns]

    def close(self) -> None:
        """Let other runs have the file."""
        with self._lock:
            if self._journal:
                self._journal.close()
                self._journal = None

    def _open_journal(self, dry_run: bool) -> Journal:
        path = self._path.with_name(f".{self._path.name}.hunt")
        try:
            return Journal(path, read_only=dry_run)
        except BlockingIOError:
            remedy = "let it end, name another file, or give one task all tenants"
            raise OptionError(f"dest: another task or run is writing {self._path}: {remedy}") from None
        except ValueError:
            raise self._unusable("has a damaged journal") from None

    def _load(self, journal: Journal) -> bool:
        """Tell whether there is a file, and take it for ours only where the journal's scope is this one."""
        try:
            descriptor = ownership.opened(self._path, denied=0)
        except FileNotFoundError:
            # the operator took the file away, to begin again
            return False
        with open(descriptor, "rb") as file:  # noqa: PTH123 - it is a number
            size = file.seek(0, os.SEEK_END)
            if size and not journal.lines:
                raise self._unusable("holds something else")
            scope, *entries = journal.lines or [self._scope]
            if (size or entries) and scope != self._scope:
                raise self._unusable("holds the rows of another query, timespan or API")
            if entries:
                self._go_on(entries, file, size)
        return True

    def _go_on(self, lines: list[Any], file: BinaryIO, size: int) -> None:
        """Take what the journal says for the state of the file. Raises OptionError where it cannot be."""
        try:
            entries = [Entry(**line) for line in lines]
        except TypeError:
            raise self._unusable("has a damaged journal") from None
        last = entries[-1]
        try:
            self._columns = self._form.columns_of(file) if isinstance(self._form, Csv) else []
        except ValueError:
            raise self._unusable(_CHANGED) from None
        file.seek(max(0, last.length - 1))
        ends_a_line = not last.length or file.read(1) == b"\n"
        if len(self._columns) > last.columns:
            # a run was killed after the table got more columns, and before the journal had its new length
            last = replace(last, length=size, columns=len(self._columns))
        elif len(self._columns) < last.columns or not ends_a_line:
            raise self._unusable(_CHANGED)
        self._entries = {entry.tenant_id: entry for entry in entries}
        self._last = last

    def _add(self, journal: Journal, tenant: Tenant, answer: Answer, columns: list[str], finished_at: str) -> None:
        if not journal.lines:
            journal.append(self._scope)
        if isinstance(self._form, Csv):
            more = [column for column in columns if column not in self._columns]
            if more or not self._last.length:
                self._widen(self._form, more)
            data = self._form.rows(tenant.name, answer.rows, self._columns)
        else:
            data = self._form.rows(tenant.name, answer.rows)
        if self._entries and journal.lines[-1] != asdict(self._last):
            # no row may follow a length that the journal does not know
            journal.append(asdict(self._last))
        with self._open() as file:
            write_at(file, self._last.length, data)
        length = self._last.length + len(data)
        identity = tenant.tenant_id.lower()
        entry = Entry(identity, len(answer.rows), answer.truncated, finished_at, length, len(self._columns))
        journal.append(asdict(entry))
        self._entries[identity] = self._last = entry

    def _widen(self, form: Csv, more: list[str]) -> None:
        """Put a table with more columns in the place of the file's."""
        descriptor, wider = drafts.create(self._path)
        try:
            with open(descriptor, "wb") as draft, self._open() as table:  # noqa: PTH123 - it is a number
                draft.writelines(form.widened(table, more))
                draft.flush()
                os.fsync(draft.fileno())
            length = wider.stat().st_size
            drafts.move(wider, self._path)
        except BaseException:
            drafts.remove(wider)
            raise
        self._columns += more
        self._last = replace(self._last, length=length, columns=len(self._columns))

    def _cut(self) -> None:
        """Leave in the file what the journal knows of."""
        with self._open() as file:
            file.truncate(self._last.length)

    def _open(self) -> BinaryIO:
        # a file that is taken away in the middle must not be made anew without the rows it had
        made = 0 if self._entries else os.O_CREAT
        descriptor = ownership.opened(self._path, os.O_RDWR | made, denied=0)
        os.fchmod(descriptor, 0o600)
        return open(descriptor, "rb+")  # noqa: PTH123 - it is a number

    def _unusable(self, fault: str) -> OptionError:
        return OptionError(f"dest: {self._path} {fault}: name another file, or remove this one to begin again")
