# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of a collection, and single records of it, as the service sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import errors, timestamps
from ..calls import Calls
from ..characters import plain
from ..errors import Reason, TenantError
from ..wire import records
from ..wire.links import NextLinks
from ..wire.records import Record
from .dialects import Dialect
from .queries import Query
from .windows import Window


@dataclass(frozen=True)
class Page:
    """What one request brought. `link` is what the service calls the next page, `is_whole` that there is none."""

    records: list[Record]
    link: str | None
    is_whole: bool


class Pages:
    """Asks for pages of one query in one tenant. `warnings` collects what the service says of incomplete answers."""

    def __init__(self, calls: Calls, dialect: Dialect, query: Query) -> None:
        self._calls = calls
        self._dialect = dialect
        self._query = query
        self.size = self._choose_size()
        self.warnings: list[str] = []

    def of(self, window: Window, *, expands: bool = False, skip: int = 0, size: int | None = None) -> Page:
        """Return a page of the records last updated in the window, with what the dialect's `expand` adds if asked for.

        Raises TenantError or Postponed.
        """
        size = size or self.size
        params: dict[str, Any] = {"$top": size}
        if odata_filter := self._query.odata_filter(self._dialect, window):
            params["$filter"] = odata_filter
        if expands and self._dialect.expand:
            params["$expand"] = self._dialect.expand
        if skip:
            params["$skip"] = skip
        return self._fetch(self._dialect.path, params, size)

    def at(self, link: str) -> Page:
        """Return the page that a checked link leads to. Raises TenantError or Postponed."""
        return self._fetch(link, None, self.size)

    def one(self, identity: str, expands: bool = False) -> Record | None:
        """Return the record of that id, None where there is none. Raises TenantError or Postponed."""
        params = {"$expand": self._dialect.expand} if expands and self._dialect.expand else None
        where = f"{self._dialect.path}/{identity}"
        reply = self._calls.get(where, self._dialect.get_call, params, self._dialect.headers, accept=(404,))
        if reply.status == 404:
            return None
        members = {name: value for name, value in reply.json().items() if name != "@odata.context"}
        # half of a surrogate pair, which no file can hold, stays escaped
        text = json.dumps(members, ensure_ascii=False).encode(errors="backslashreplace").decode()
        return Record(members, text)

    def version(self, record: Record) -> tuple[str, str]:
        """Return what tells a record, and its state, from all others: its id and time of last update, as sent."""
        return str(record.get(self._dialect.id_field)), str(record.get(self._dialect.updated_field))

    def links(self) -> NextLinks:
        """Return a judge of the links of one pass over the pages."""
        return self._calls.links()

    def updated(self, record: Mapping[str, Any]) -> int | None:
        """Return when the record was last updated, in ticks; None where it does not tell."""
        return timestamps.ticks_or_none(record.get(self._dialect.updated_field))

    def _choose_size(self) -> int:
        """Ask for one record more than the limit, which tells whether there are more; for all where some fall away."""
        if self._query.limit is None or self._query.local_filters(self._dialect):
            return self._dialect.page_size
        return min(self._query.limit + 1, self._dialect.page_size)

    def _fetch(self, where: str, params: dict[str, Any] | None, size: int) -> Page:
        reply = self._calls.get(where, self._dialect.list_call, params, self._dialect.headers)
        body = reply.json(records.read_page)
        found = body.get("value")
        if not isinstance(found, list) or not all(isinstance(record, Record) for record in found):
            meaning = f"{reply.host} sent no list of {self._dialect.records}"
            raise TenantError(Reason(errors.ERROR, meaning, "check xdr_url or graph_url"))
        if warning := reply.headers.get("Warning"):
            self.warnings.append(f"{reply.host} sent an incomplete answer (Warning: {plain(warning[:200])})")
        link = body.get("@odata.nextLink")
        return Page(found, str(link) if link else None, not link and len(found) < size)
