# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OData query options of directory calls: ``$select``, and for lists ``$filter``, ``$top``, ``$count``, paging."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from starlette.responses import Response

from defender_emulator.graph_directory.calls import Call, bad_request, list_response
from defender_emulator.odata import Field, parse_filter, parse_number

D = TypeVar("D", bound=Mapping[str, object])

_DEFAULT_TOP = 100
_MAX_TOP = 999
_OPTIONS = frozenset({"$select", "$filter", "$top", "$count", "$skiptoken"})


def named_properties(call: Call) -> list[str] | None:
    """What ``$select`` names; None when there is none."""
    text = call.request.query_params.get("$select")
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def select(call: Call, documents: Sequence[Mapping[str, object]], kind: str) -> Sequence[Mapping[str, object]]:
    """Of each document the properties asked for.

    Raises:
        GraphError: 400, no such property of that ``kind`` of object is known.
    """
    names = named_properties(call)
    if names is None:
        return documents
    for name in names:
        if documents and not any(name in document for document in documents):
            raise bad_request(f"Could not find a property named '{name}' on type 'microsoft.graph.{kind}'.")
    return [{name: document.get(name) for name in names} for document in documents]


def answer_list(
    call: Call,
    context: str,
    kind: str,
    documents: Sequence[D],
    fields: Mapping[str, Field[D]],
    max_top: int = _MAX_TOP,
) -> Response:
    """One page of the documents, filtered by ``fields``, with a link to the next page.

    Raises:
        GraphError: 400 for an option or value that Graph does not take.
        QueryError: 400 for a filter that it cannot read.
    """
    options = dict(call.request.query_params)
    unknown = sorted(name for name in options if name.startswith("$") and name not in _OPTIONS)
    if unknown:
        raise bad_request(f"The query option '{unknown[0]}' is not supported here.")
    if "$filter" in options:
        matches = parse_filter(options["$filter"], fields)
        documents = [document for document in documents if matches(document)]
    annotations: dict[str, object] = {}
    if options.get("$count", "").lower() == "true":
        if call.request.headers.get("consistencylevel", "").lower() != "eventual":
            raise bad_request("$count is not currently supported without the header ConsistencyLevel: eventual.")
        annotations["@odata.count"] = len(documents)
    top = parse_number(options, "$top", _DEFAULT_TOP)
    if not 1 <= top <= max_top:
        raise bad_request(f"Invalid page size specified: '{top}'. Must be between 1 and {max_top} inclusive.")
    start = _read_position(options.get("$skiptoken"))
    if start + top < len(documents):
        query = urlencode({**options, "$skiptoken": _write_position(start + top)})
        annotations["@odata.nextLink"] = f"{call.link}?{query}"
    page = select(call, documents, kind)[start : start + top]
    return list_response(call, select_context(call, context), page, annotations)


def select_context(call: Call, context: str) -> str:
    """How the metadata names one object of which properties were selected."""
    names = named_properties(call)
    return f"{context}({','.join(names)})" if names else context


def _write_position(position: int) -> str:
    return base64.urlsafe_b64encode(f"from {position}".encode()).decode()


def _read_position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        word, _space, position = base64.urlsafe_b64decode(token).decode().partition(" ")
        if word == "from" and position.isdecimal():
            return int(position)
    except (binascii.Error, ValueError):
        pass
    raise bad_request("The skip token is not valid.")
