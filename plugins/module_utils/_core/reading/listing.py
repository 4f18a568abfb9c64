# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of a collection, and single records of it, as the service sends them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from .. import errors, timestamps
from ..calls import Calls
from ..characters import plain
from ..errors import Reason, TenantError
from ..wire import paths, records
from ..wire.links import NextLinks
from ..wire.records import JsonObject, Record
from .capacity import Capacity
from .dialects import Dialect
from .queries import Query
from .windows import Window


@dataclass(frozen=True)
class Page:
    """What one request brought. `link` is what the service calls the next page, `total` how many records it counts.

    `is_whole` says that it is proven that nothing lies behind the page, `is_cut` that something does or may well do so.
    A page that is neither is in question. `capacity` is what the page shows of the service's pages.
    """

    records: list[Record]
    link: str | None
    is_whole: bool
    is_cut: bool
    capacity: Capacity
    total: int | None = None


class Listing:
    """The records that one query brings in one tenant, asked for in pages or one by one.

    `warnings` collects what the service says of incomplete answers. `capacity` is the most that the pages so far have
    held.
    """

    def __init__(self, calls: Calls, dialect: Dialect, query: Query) -> None:
        self._calls = calls
        self._dialect = dialect
        self._query = query
        self.size = self._choose_size()
        self.warnings: list[str] = []
        self.capacity = Capacity()
        self._links_pages = False

    def page(self, window: Window, *, expands: bool = False, skip: int = 0, size: int | None = None) -> Page:
        """Return a page of the records last updated in the window, with what the dialect's `expand` adds if asked for.

        Raises TenantError or Postponed.
        """
        size = size or self.size
        params: dict[str, str | int] = {"$top": size}
        if odata_filter := self._query.odata_filter(self._dialect, window):
            params["$filter"] = odata_filter
        if expands and self._dialect.expand:
            params["$expand"] = self._dialect.expand
        if skip:
            params["$skip"] = skip
        return self._fetch(self._dialect.path, params, size, skip)

    def page_at(self, link: str) -> Page:
        """Return the page that a checked link leads to. Raises TenantError or Postponed."""
        return self._fetch(link, None, self.size, 0)

    def record(self, identity: str, expands: bool = False) -> Record | None:
        """Return the record of that id, None where there is none. Raises TenantError or Postponed."""
        if not paths.is_id(identity):
            # an id that somebody wrote into a record must not choose what this token asks for
            return None
        params = {"$expand": self._dialect.expand} if expands and self._dialect.expand else None
        where = f"{self._dialect.path}/{paths.segment(identity)}"
        reply = self._calls.get(where, self._dialect.get_call, params, self._dialect.headers, accept=(404,))
        if reply.status == 404:
            return None
        members = {name: value for name, value in reply.json(records.read_object).items() if name != "@odata.context"}
        return Record(members, records.written(members))

    def identity(self, record: Record) -> str:
        """Return the id of a record; of one that has none, what tells its text from all others."""
        value = record.get(self._dialect.id_field)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
        return f"without id: {hashlib.sha256(record.text.encode(errors='backslashreplace')).hexdigest()}"

    def version(self, record: Record) -> tuple[str, str]:
        """Return what tells a record, and its state, from all others: its id and time of last update, as sent."""
        return self.identity(record), str(record.get(self._dialect.updated_field))

    def links(self) -> NextLinks:
        """Return a judge of the links of one pass over the pages."""
        return self._calls.links()

    def updated(self, record: JsonObject) -> int | None:
        """Return when the record was last updated, in ticks; None where it does not tell."""
        return timestamps.ticks_or_none(record.get(self._dialect.updated_field))

    def _choose_size(self) -> int:
        """Ask for one record more than the limit, which tells whether there are more; for all where some fall away."""
        if self._query.limit is None or self._query.local_filters(self._dialect):
            return self._dialect.page_size
        return min(self._query.limit + 1, self._dialect.page_size)

    def _fetch(self, where: str, params: Mapping[str, str | int] | None, size: int, skip: int) -> Page:
        reply = self._calls.get(where, self._dialect.list_call, params, self._dialect.headers)
        body = reply.json(records.read_page)
        found = body.get("value")
        if not isinstance(found, list) or not all(isinstance(record, Record) for record in found):
            meaning = f"{reply.host} sent no list of {self._dialect.records}"
            raise TenantError(Reason(errors.ERROR, meaning, "check xdr_url or graph_url"))
        if warning := reply.headers.get("Warning"):
            self.warnings.append(f"{reply.host} sent an incomplete answer (Warning: {plain(warning[:200])})")
        link = body.get("@odata.nextLink")
        total = body.get("@odata.count") if params else None
        total = total if isinstance(total, int) else None
        held = Capacity.of(found, len(reply.text))
        self.capacity |= held
        self._links_pages |= bool(link)
        is_cut = bool(link) or len(found) >= size or (total is not None and total > skip + len(found))
        # a service that has named a next page names every one
        is_proven = not found or self._links_pages or self.capacity.has_room_for_more(held)
        return Page(found, str(link) if link else None, is_proven and not is_cut, is_cut, held, total)
