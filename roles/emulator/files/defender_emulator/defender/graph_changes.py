# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients of Microsoft Graph security may change of an incident or an alert, in the Defender XDR API's names.

Sources: learn.microsoft.com, resources/security-incident, security-incident-update, security-alert-update. They name
some determinations differently: all of their names are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from defender_emulator.defender.answers import json_object
from defender_emulator.defender.bearer import ApiError
from defender_emulator.defender.graph_forms import enum_name
from defender_emulator.defender.verdicts import DETERMINATIONS as LEGAL
from defender_emulator.defender.verdicts import UNCLASSIFIED, UNDETERMINED, check_pair, decided

CLASSIFICATIONS = {"unknown": UNCLASSIFIED, **{enum_name(name): name for name in LEGAL}}
DETERMINATIONS = {
    **{enum_name(name): name for names in LEGAL.values() for name in names},
    "unknown": UNDETERMINED,
    "apt": "Apt",
    "securityPersonnel": "SecurityPersonnel",
    "compromisedUser": "CompromisedAccount",
    "confirmedUserActivity": "ConfirmedActivity",
    "clean": "Clean",
    "insufficientData": "NoEnoughDataToValidate",
}
_COMMENT_TYPE = "microsoft.graph.security.alertComment"


def read_changes(
    body: Mapping[str, Any], current: Mapping[str, Any], statuses: Mapping[str, str], *, with_tags: bool
) -> dict[str, Any]:
    """The body of a PATCH as properties of the XDR document; ``statuses`` maps the names that may be set.

    Raises:
        ApiError: 400 for an unknown property, a value that is none, or a pair that does not go together.
    """
    names = {"status": statuses, "classification": CLASSIFICATIONS, "determination": DETERMINATIONS}
    changes: dict[str, Any] = {}
    for name, value in body.items():
        if name.startswith("@odata."):
            continue
        if name in names:
            if not isinstance(value, str) or value not in names[name]:
                raise _refusal(f"Cannot convert the literal '{value}' to a value of '{name}' that can be set.")
            changes[name] = names[name][value]
        elif name == "assignedTo":
            if value is not None and not isinstance(value, str):
                raise _refusal("'assignedTo' must be a string or null.")
            changes[name] = value or None
        elif name == "customTags" and with_tags:
            if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
                raise _refusal("'customTags' must be a list of strings.")
            changes["tags"] = value
        else:
            raise _refusal(f"The property '{name}' does not exist or cannot be updated.")
    changes = decided(current, changes)
    if "classification" in changes or "determination" in changes:
        after = {**current, **changes}
        check_pair(after["classification"] or UNCLASSIFIED, after["determination"] or UNDETERMINED, enum_name)
    return changes


async def read_comment(request: Request) -> str:
    """The text of a comment to add. ApiError 400 when there is none, or it is of another type."""
    body = await json_object(request)
    if str(body.get("@odata.type", _COMMENT_TYPE)).removeprefix("#") != _COMMENT_TYPE:
        raise _refusal(f"The type '{body['@odata.type']}' is not '{_COMMENT_TYPE}'.")
    text = body.get("comment")
    if not isinstance(text, str) or not text:
        raise _refusal("'comment' must be a text that is not empty.")
    return text


def _refusal(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)
