# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Microsoft Graph security serves a list.

``$orderby`` is not documented, and public clients rely on it. What Graph puts into a ``$skiptoken`` is its own affair:
here it is a place in the list, so that a set which moves between two pages moves under its readers.
Sources: learn.microsoft.com, security-list-incidents, security-list-alerts_v2, security-error-codes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator.defender.bearer import json_response
from defender_emulator.defender.listing import Record, check_options, choose, churn, cut, limited, refuse_poison
from defender_emulator.entra.tenants import Tenant
from defender_emulator.odata import Field, QueryError
from defender_emulator.world import world_of

CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#security"
_ORDER = re.compile(r"(lastUpdateDateTime|createdDateTime)(?: (asc|desc))?")
_PLACE = re.compile(rb"place=([0-9]{1,9})")
_NO_LIMIT = 10**9
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Collection(Generic[R]):
    """What can be asked of one list: its path below ``/v1.0/security/``, filters, further options, limits."""

    name: str
    fields: Mapping[str, Field]
    default_top: int
    max_top: int
    max_skip: int = _NO_LIMIT
    options: frozenset[str] = frozenset()

    def page(
        self, request: Request, tenant: Tenant, records: Iterable[R], write: Callable[[R], dict[str, Any]]
    ) -> Response:
        """The page that the request asks for.

        Raises:
            QueryError: an option that cannot be read, is not supported, or is above its limit.
            ApiError: 500 for a page with a poisoned record.
        """
        world = world_of(request)
        settings = world.directory.settings
        options = dict(request.query_params)
        check_options(options, self.options | {"$filter", "$top", "$skip", "$count", "$orderby", "$skiptoken"})
        top = limited(options, "$top", self.default_top, self.max_top)
        skip = limited(options, "$skip", 0, self.max_skip)
        if "$skiptoken" in options:
            skip = _place(options["$skiptoken"])
        chosen = choose(records, options, self.fields, settings)
        if "$orderby" in options:
            _put_in_order(chosen, options["$orderby"])
        page, following = cut(chosen, skip, top, settings)
        refuse_poison(request, tenant, page, expanded="$expand" in options)
        body: dict[str, Any] = {"@odata.context": f"{CONTEXT}/{self.name}"}
        if options.get("$count") == "true":
            body["@odata.count"] = len(chosen)
        if following is not None:
            query = urlencode({**options, "$skiptoken": _token(following)})
            body["@odata.nextLink"] = f"{world.base_url}/v1.0/security/{self.name}?{query}"
        body["value"] = [write(record) for record in page]
        answer = json_response(body)
        churn(request, tenant)
        return answer


def _put_in_order(records: list[R], orderby: str) -> None:
    match = _ORDER.fullmatch(orderby.strip())
    if match is None:
        raise QueryError(f"Could not order by '{orderby}'.")
    by_update, descending = match[1] == "lastUpdateDateTime", match[2] == "desc"
    records.sort(key=lambda record: record.updated if by_update else record.created, reverse=descending)


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
