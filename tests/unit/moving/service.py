# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTPS server that lists the incidents of moving tenants as the Defender XDR API and Microsoft Graph do."""

from __future__ import annotations

import itertools
import json
import random
import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from support.scripted_server import Answer, Request, ScriptedServer
from unit.moving.tenant import MovingTenant, Version, ticks, written

XDR = "/api/incidents"
GRAPH = "/v1.0/security/incidents"
ALERTS = "/v1.0/security/alerts_v2"
PATHS = {"xdr": XDR, "graph": GRAPH}
LARGEST_PAGE = {XDR: 100, GRAPH: 50, ALERTS: 1000}

FAILURE = Answer({"error": {"code": "InternalServerError", "message": "An error occurred."}}, 500)

_TERM = re.compile(r"(\w+) (ge|gt|lt|le|eq) ('[^']*'|[-\w:.]+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "ge": lambda one, other: one >= other,
    "gt": lambda one, other: one > other,
    "lt": lambda one, other: one < other,
    "le": lambda one, other: one <= other,
    "eq": lambda one, other: one == other,
}
_SHUFFLER = random.Random(1)
_ORDERS: dict[str, Callable[[Version], Any]] = {
    "newest first": lambda version: (-version.updated, version.incident),
    "oldest first": lambda version: (version.updated, version.incident),
    "by id": lambda version: version.incident,
    "arbitrary": lambda version: version.incident * 2_654_435_761 % 2**32,
    "shuffled": lambda _version: _SHUFFLER.random(),
}
ORDERS = ("newest first", "oldest first", "by id", "arbitrary")
"""Orders that stay from request to request; `shuffled` does not."""


@dataclass
class Manner:
    """How the service lists one tenant's incidents.

    `largest` is the most it puts on a page whatever is asked for, and `longest` the most characters of records (but one
    record at least); without `links` it does not say that it cut a page. Graph links its pages unless it `hides` that.
    `refuses` are the operators it answers 400, `overlooks` those it takes no notice of. It fails over the incidents in
    `spoiling`, and wherever it would have to send the alerts of those in `heavy`; asked for one by its id, it may send
    another `instead`. `fault` gives the answer that takes the place of the right one, or None.
    """

    order: str = "newest first"
    links: bool = False
    largest: int = 1000
    longest: int = 1_000_000
    hides: bool = False
    refuses: Collection[str] = ()
    spoiling: set[int] = field(default_factory=set)
    heavy: set[int] = field(default_factory=set)
    overlooks: Collection[str] = ()
    instead: Mapping[int, int] = field(default_factory=dict)
    fault: Callable[[], Answer | None] = lambda: None

    def heal(self) -> None:
        """Fail no more."""
        self.fault = lambda: None
        self.spoiling = set()
        self.heavy = set()


class MovingService(ScriptedServer):
    """Serves the tenants in `tenants`, told apart by their tokens; every other path, and all without one, is scripted.

    Graph names its next page, as the real one does, unless a tenant's manner hides that.
    """

    def __init__(self, ca_path: str, certificate_path: str) -> None:
        super().__init__(ca_path, certificate_path)
        self.tenants: dict[str, tuple[MovingTenant, Manner]] = {}
        self._tenant_ids: dict[str, str] = {}
        self._order_of_requests = threading.Lock()

    def next_answer(self, request: Request) -> Answer:
        if not request.path.startswith((XDR, GRAPH, ALERTS)) or not self.tenants:
            return super().next_answer(request)
        with self._order_of_requests:
            tenant, manner = self.tenants[self._tenant_id(request)]
            self.requests.append(request)
            tenant.next_request()
            return manner.fault() or _Face(request, tenant, manner, self.url).answer()

    def _tenant_id(self, request: Request) -> str:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        if token not in self._tenant_ids:
            self._tenant_ids[token] = jwt.decode(token, options={"verify_signature": False})["tid"]
        return self._tenant_ids[token]


class _Face:
    """One request, answered in the style of the API whose path it names."""

    def __init__(self, request: Request, tenant: MovingTenant, manner: Manner, url: str) -> None:
        self._request = request
        self._query = request.query
        self._tenant = tenant
        self._manner = manner
        self._url = url
        self._path = next(path for path in (GRAPH, ALERTS, XDR) if request.path.startswith(path))
        self._expands = self._query.get("$expand") == "alerts"

    def answer(self) -> Answer:
        identity = self._request.path.removeprefix(self._path).strip("/")
        return self._one(identity) if identity else self._page()

    def _one(self, identity: str) -> Answer:
        incident = int(identity) if identity.isdecimal() else 0
        version = self._tenant.current.get(self._manner.instead.get(incident, incident))
        if version is None:
            return Answer({"error": {"code": "NotFound", "message": "There is no such incident."}}, 404)
        return FAILURE if self._spoils(version) else Answer(self._record(version))

    def _page(self) -> Answer:
        terms = _TERM.findall(self._query.get("$filter", ""))
        refused = [operator for _field, operator, _value in terms if operator in self._manner.refuses]
        if refused:
            return _bad_request(f"The operator '{refused[0]}' is not supported.")
        top = int(self._query.get("$top", LARGEST_PAGE[self._path]))
        if top > LARGEST_PAGE[self._path]:
            return _bad_request(f"The limit of '{LARGEST_PAGE[self._path]}' for Top query has been exceeded.")
        versions = [version for version in self._tenant.current.values() if self._meets(version, terms)]
        versions.sort(key=_ORDERS[self._manner.order])
        skip = int(self._query.get("$skiptoken") or self._query.get("$skip") or 0)
        linked = self._manner.links or (self._path != XDR and not self._manner.hides)
        behind = skip + self._fitting(versions[skip : skip + min(top, self._manner.largest)])
        if any(map(self._spoils, versions[skip:behind])):
            return FAILURE
        page: dict[str, Any] = {"value": [self._record(version) for version in versions[skip:behind]]}
        if linked and behind < len(versions):
            kept = {name: value for name, value in self._query.items() if name != "$skip"}
            page["@odata.nextLink"] = f"{self._url}{self._path}?{urlencode({**kept, '$skiptoken': behind})}"
        return Answer(page)

    def _fitting(self, versions: list[Version]) -> int:
        """Return how many of the records go on one page."""
        lengths = itertools.accumulate(len(json.dumps(self._record(version))) for version in versions)
        within = sum(length <= self._manner.longest for length in lengths)
        return max(within, min(1, len(versions)))

    def _meets(self, version: Version, terms: list[tuple[str, str, str]]) -> bool:
        return all(
            operator in self._manner.overlooks or _COMPARE[operator](*self._sides(version, name, value))
            for name, operator, value in terms
        )

    def _sides(self, version: Version, name: str, value: str) -> tuple[Any, Any]:
        if name == "status":
            return version.status.lower(), value.strip("'").lower()
        assert name in ("lastUpdateTime", "lastUpdateDateTime"), name
        return version.updated, ticks(value)

    def _spoils(self, version: Version) -> bool:
        sends_alerts = self._expands or self._path == XDR
        return version.incident in self._manner.spoiling or (sends_alerts and version.incident in self._manner.heavy)

    def _record(self, version: Version) -> dict[str, Any]:
        updated = written(version.updated, version.digits)
        # some incidents are many times as large as others
        alerts = [{"id": f"a{version.incident}", "evidence": "x" * (version.incident % 7) ** 4}]
        if self._path == XDR:
            return {
                "incidentId": version.incident,
                "redirectIncidentId": version.target,
                "lastUpdateTime": updated,
                "status": version.status,
                "alerts": alerts,
            }
        status = version.status[:1].lower() + version.status[1:]
        target = None if version.target is None else str(version.target)
        record = {
            "id": str(version.incident),
            "redirectIncidentId": target,
            "lastUpdateDateTime": updated,
            "status": status,
        }
        return {**record, "alerts": alerts} if self._expands else record


def _bad_request(message: str) -> Answer:
    return Answer({"error": {"code": "BadRequest", "message": message}}, 400)
