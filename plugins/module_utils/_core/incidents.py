# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incidents of one tenant, from the Defender XDR API or from Microsoft Graph, as Microsoft sends them.

Sources: learn.microsoft.com, "List incidents API in Microsoft Defender XDR" and "List incidents" (Graph security).
Neither API promises an order, and the XDR API does not document `@odata.nextLink`: it is followed where it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from . import errors, records, refusals, timestamps
from .access import Access, Proof
from .errors import Reason, TenantError
from .http import Patience, Reply, Transport
from .links import NextLinks
from .records import Record


@dataclass(frozen=True)
class Dialect:
    """How one API names things: the path of the collection, its largest page, the fields that queries use."""

    path: str
    page_size: int
    id_field: str
    created_field: str
    updated_field: str
    assigned_to_field: str
    readers: tuple[str, ...]
    filters_severity: bool
    headers: dict[str, str] = field(default_factory=dict)
    write_value: Callable[[str], str] = str


def _camel_case(value: str) -> str:
    return value[:1].lower() + value[1:]


XDR = Dialect(
    path="/api/incidents",
    page_size=100,
    id_field="incidentId",
    created_field="createdTime",
    updated_field="lastUpdateTime",
    assigned_to_field="assignedTo",
    readers=("Incident.Read.All", "Incident.ReadWrite.All"),
    filters_severity=False,
)
GRAPH = Dialect(
    path="/v1.0/security/incidents",
    page_size=50,
    id_field="id",
    created_field="createdDateTime",
    updated_field="lastUpdateDateTime",
    assigned_to_field="assignedTo",
    readers=("SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"),
    filters_severity=True,
    headers={"Prefer": "include-unknown-enum-members"},
    write_value=_camel_case,
)


@dataclass(frozen=True)
class Query:
    """Which incidents to read. Times are ticks (see `timestamps`); empty means any; `limit` None means all."""

    status: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    assigned_to: str | None = None
    created_after: int | None = None
    updated_after: int | None = None
    raw_filter: str | None = None
    limit: int | None = None

    def odata_filter(self, dialect: Dialect) -> str | None:
        """Return the `$filter` for the service. Only `eq` and `ge` joined by `and` are in common use, so more than one
        value of a field, and what the API cannot filter, is left to `accepts`."""
        terms = []
        if len(self.status) == 1:
            terms.append(f"status eq {_literal(dialect.write_value(self.status[0]))}")
        if len(self.severity) == 1 and dialect.filters_severity:
            terms.append(f"severity eq {_literal(dialect.write_value(self.severity[0]))}")
        if self.assigned_to:
            terms.append(f"{dialect.assigned_to_field} eq {_literal(self.assigned_to)}")
        if self.created_after is not None:
            terms.append(f"{dialect.created_field} ge {timestamps.render(self.created_after)}")
        if self.updated_after is not None:
            terms.append(f"{dialect.updated_field} ge {timestamps.render(self.updated_after)}")
        if self.raw_filter:
            terms.append(f"({self.raw_filter})" if terms else self.raw_filter)
        return " and ".join(terms) or None

    def accepts(self, incident: dict[str, Any]) -> bool:
        """Tell whether an incident the service sent is one of those asked for."""
        return _is_one_of(incident.get("status"), self.status) and _is_one_of(incident.get("severity"), self.severity)

    def local_filters(self, dialect: Dialect) -> list[str]:
        """Return the names of the filters that were applied on this machine and not by the service."""
        local = []
        if len(self.status) > 1:
            local.append("status")
        if len(self.severity) > 1 or (self.severity and not dialect.filters_severity):
            local.append("severity")
        return local


class Reader:
    """Reads all pages of one tenant. After Postponed, `pages` can be called again and goes on after the last page."""

    def __init__(
        self, dialect: Dialect, base_url: str, query: Query, access: Access, transport: Transport, patience: Patience
    ) -> None:
        self._dialect = dialect
        self._base_url = base_url
        self._query = query
        self._access = access
        self._transport = transport
        self._patience = patience
        self._page_size = self._choose_page_size()
        self._proof: Proof | None = None
        self._renewed = False
        self._next: str | None = base_url + dialect.path
        self._params: dict[str, Any] | None = self._first_params()
        self._links = NextLinks(base_url, urlsplit(access.resource).hostname)
        self._read_ids: set[str] = set()
        self._stuck = False
        self.count = 0
        self.truncated = False
        self.warnings: list[str] = []

    def pages(self) -> Iterator[list[Record]]:
        """Yield the incidents page by page, each incident once. Raises TenantError or Postponed."""
        while self._next:
            body = self._fetch(self._next, self._params)
            page = self._new_records(body["value"])
            self._advance(body)
            self.count += len(page)
            yield page

    def _choose_page_size(self) -> int:
        """Ask for one record more than the limit, which tells whether there are more; for all where some fall away."""
        if self._query.limit is None or self._query.local_filters(self._dialect):
            return self._dialect.page_size
        return min(self._query.limit + 1, self._dialect.page_size)

    def _first_params(self) -> dict[str, Any]:
        params: dict[str, Any] = {"$top": self._page_size}
        odata_filter = self._query.odata_filter(self._dialect)
        return params | ({"$filter": odata_filter} if odata_filter else {})

    def _fetch(self, url: str, params: dict[str, Any] | None) -> dict[str, Any]:
        if self._proof is None:
            self._proof = self._access.prove()
            self._check_roles(self._proof)
        token = self._proof.token
        reply = self._transport.send(
            "GET", url, self._patience, token=token.value, headers=self._dialect.headers, params=params
        )
        if reply.status == 401 and not self._renewed:
            self._renewed = True
            self._proof = None
            self._proof = self._access.renew()
            return self._fetch(url, params)
        if reply.status == 401:
            self._access.forget()
        return self._read(reply)

    def _read(self, reply: Reply) -> dict[str, Any]:
        if reply.status not in (200, 206):
            roles = self._proof.claims.roles if self._proof and self._proof.claims else None
            reason = refusals.of_api(reply.status, reply.json_or_none(), roles, list(self._dialect.readers))
            raise TenantError(reason)
        body = reply.json(records.read_page)
        page = body.get("value")
        if not isinstance(page, list) or not all(isinstance(record, Record) for record in page):
            meaning = f"{reply.host} sent no list of incidents"
            raise TenantError(Reason(errors.ERROR, meaning, "check xdr_url or graph_url"))
        if warning := reply.headers.get("Warning"):
            self.warnings.append(f"{reply.host} sent an incomplete answer (Warning: {warning[:200]})")
        return body

    def _check_roles(self, proof: Proof) -> None:
        if proof.claims and not set(proof.claims.roles) & set(self._dialect.readers):
            raise TenantError(refusals.of_api(403, None, proof.claims.roles, list(self._dialect.readers)))

    def _new_records(self, page: list[Record]) -> list[Record]:
        """Drop what an earlier page already had: the set moves while it is read."""
        new = {str(record.get(self._dialect.id_field)): record for record in page}
        new = {identity: record for identity, record in new.items() if identity not in self._read_ids}
        self._read_ids.update(new)
        self._stuck = not new
        fresh = [record for record in new.values() if self._query.accepts(record)]
        limit = self._query.limit
        if limit is not None and self.count + len(fresh) > limit:
            self.truncated = True
            return fresh[: limit - self.count]
        return fresh

    def _advance(self, body: dict[str, Any]) -> None:
        """Choose the next page: the link the service sent, else the next `$skip` while pages come full."""
        link = body.get("@odata.nextLink")
        full = len(body["value"]) >= self._page_size
        if self.truncated:
            self._next = None
        elif link:
            self._next, self._params = self._links.checked(str(link)), None
        elif full and self._params is not None and not self._stuck:
            skip = self._params.get("$skip", 0) + self._page_size
            self._params = {**self._params, "$skip": skip}
        else:
            self._next = None


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _is_one_of(value: Any, wanted: tuple[str, ...]) -> bool:
    return not wanted or str(value).lower() in {choice.lower() for choice in wanted}
