# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Microsoft Graph security serves a list, and one of its objects.

``$orderby`` and ``$select`` are not documented, and public clients rely on them. What Graph puts into a ``$skiptoken``
is its own affair: here it is a place in the list, so that a set which moves between two pages moves under its readers.
Sources: learn.microsoft.com, security-list-incidents, security-list-alerts_v2, security-error-codes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator.defender.bearer import json_response
from defender_emulator.defender.listing import Record, check_options, choose, churn, cut, limited, refuse_poison
from defender_emulator.entra.tenants import Tenant
from defender_emulator.graph_errors import GRAPH_PREFIX
from defender_emulator.graph_paths import graph_metadata, graph_root
from defender_emulator.odata import Field, QueryError
from defender_emulator.world import world_of

_LIST_OPTIONS = frozenset({"$filter", "$top", "$skip", "$count", "$orderby", "$skiptoken"})
_COUNT = {"true": True, "false": False}
_ORDER = re.compile(r"(\w+)(?:\s+(asc|desc))?")
_PLACE = re.compile(rb"place=([0-9]{1,9})")
_NO_LIMIT = 10**9
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Collection(Generic[R]):
    """What can be asked of one list: its kind of object, its filters, further options, and limits."""

    name: str
    kind: str
    fields: Mapping[str, Field[R]]
    default_top: int
    max_top: int
    max_skip: int = _NO_LIMIT
    options: frozenset[str] = frozenset({"$select"})

    def page(
        self, request: Request, tenant: Tenant, records: Iterable[R], write: Callable[[R], dict[str, object]]
    ) -> Response:
        """The page that the request asks for.

        Raises:
            QueryError: an option that cannot be read, is not supported, or is above its limit.
            ApiError: 500 for a page with a poisoned record.
        """
        settings = world_of(request).directory.settings
        options = dict(request.query_params)
        check_options(options, self.options | _LIST_OPTIONS)
        top = limited(options, "$top", self.default_top, self.max_top)
        skip = limited(options, "$skip", 0, self.max_skip)
        if "$skiptoken" in options:
            skip = _place(options["$skiptoken"])
        chosen = choose(records, options, self.fields, settings)
        if "$orderby" in options:
            self._put_in_order(chosen, options["$orderby"])
        page, following = cut(chosen, skip, top, settings)
        refuse_poison(request, tenant, page, expanded="$expand" in options)
        body: dict[str, object] = {"@odata.context": self._context(request)}
        if _is_counted(options):
            body["@odata.count"] = len(chosen)
        if following is not None:
            query = urlencode({**options, "$skiptoken": _token(following)})
            path = request.url.path.removeprefix(GRAPH_PREFIX)
            body["@odata.nextLink"] = f"{graph_root(request)}/{path}?{query}"
        body["value"] = [self._selected(request, write(record)) for record in page]
        answer = json_response(body)
        churn(request, tenant)
        return answer

    def one(self, request: Request, document: dict[str, object]) -> Response:
        """One object, or of it what ``$select`` asks for. QueryError for what the object does not have."""
        context = f"{self._context(request)}/$entity"
        return json_response({"@odata.context": context, **self._selected(request, document)})

    def _context(self, request: Request) -> str:
        names = _selected_names(request)
        selected = f"({','.join(names)})" if names else ""
        return f"{graph_metadata(request)}#security/{self.name}{selected}"

    def _selected(self, request: Request, document: dict[str, object]) -> dict[str, object]:
        names = _selected_names(request)
        for name in names:
            if name not in document:
                kind = f"microsoft.graph.security.{self.kind}"
                raise QueryError(f"Could not find a property named '{name}' on type '{kind}'.")
        # What is expanded comes with what is selected.
        wanted = {*names, request.query_params.get("$expand")} if names else set(document)
        return {name: value for name, value in document.items() if name in wanted}

    def _put_in_order(self, records: list[R], orderby: str) -> None:
        for part in reversed(orderby.split(",")):
            match = _ORDER.fullmatch(part.strip())
            field = self.fields.get(match[1]) if match else None
            if match is None or field is None:
                raise QueryError(f"Could not order by '{part.strip()}'.")
            value = field.value
            known = [record for record in records if value(record) is not None]
            known.sort(key=value, reverse=match[2] == "desc")
            # Nothing comes before everything.
            unknown = [record for record in records if value(record) is None]
            records[:] = [*known, *unknown] if match[2] == "desc" else [*unknown, *known]


def _selected_names(request: Request) -> list[str]:
    return [name.strip() for name in request.query_params.get("$select", "").split(",") if name.strip()]


def _is_counted(options: Mapping[str, str]) -> bool:
    text = options.get("$count", "false")
    if text.lower() not in _COUNT:
        raise QueryError(f"Invalid value '{text}' for $count query option found. Valid values are 'true' or 'false'.")
    return _COUNT[text.lower()]


def _token(place: int) -> str:
    return base64.urlsafe_b64encode(b"place=%d" % place).decode()


def _place(token: str) -> int:
    try:
        match = _PLACE.fullmatch(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError):
        match = None
    if match is None:
        raise QueryError("The skip token is not valid.")
    return int(match[1])
