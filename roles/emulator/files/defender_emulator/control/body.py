# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a control request says, refused when it makes no sense."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping

from starlette.requests import Request

from defender_emulator import json_text
from defender_emulator.entra.resources import roles_by_resource
from defender_emulator.json_text import JsonObject

# Beyond these a number means nothing here, or takes for ever.
_MOST, _COUNTED = 10**9, 100_000


class BadControl(Exception):
    """A control request that makes no sense; the message says why."""


async def read_body(request: Request) -> JsonObject:
    """The body, which is a JSON object or nothing."""
    if not await request.body():
        return {}
    try:
        body = json_text.read(await request.body())
    except ValueError as error:
        raise BadControl(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadControl("the body must be an object")
    return body


def by_resource(roles: object) -> dict[str, list[str]]:
    """A list of permission names, sorted under the key of the API that defines them."""
    if not isinstance(roles, list):
        raise BadControl("roles must be a list of application permissions")
    try:
        return roles_by_resource(roles)
    except KeyError as error:
        raise BadControl(f"no API has an application permission {error}") from None


def check_document(what: str, types: Mapping[str, tuple[type, ...]], document: JsonObject) -> None:
    """Refuse names and types that such a document does not have. ``what`` begins the sentence."""
    for name, value in document.items():
        if name not in types:
            raise BadControl(f"{what} has no '{name}' to set")
        # a bool is an int to isinstance
        if type(value) not in types[name]:
            raise BadControl(f"'{name}' cannot be {value!r}")


def check_fields(described: type, body: JsonObject) -> None:
    """Refuse names and types that the dataclass does not have, so that a typing error is not silently ignored."""
    hints = typing.get_type_hints(described)
    for name, value in body.items():
        if name not in {field.name for field in dataclasses.fields(described)}:
            raise BadControl(f"there is no '{name}' to set")
        hint = hints[name]
        allowed = hint.__args__ if isinstance(hint, types.UnionType) else (hint,)
        plain = tuple(typing.get_origin(part) or part for part in allowed)
        if not isinstance(value, (*plain, int) if float in plain else plain):
            raise BadControl(f"'{name}' cannot be {value!r}")
        most = _COUNTED if "count" in name else _MOST
        if isinstance(value, (int, float)) and abs(value) > most:
            raise BadControl(f"'{name}' cannot be more than {most}")
