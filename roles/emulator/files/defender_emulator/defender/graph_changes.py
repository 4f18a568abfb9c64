# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients of Microsoft Graph security may change of an incident or an alert, in the Defender XDR API's names.

Sources: learn.microsoft.com, resources/security-incident, security-incident-update, security-alert-update. They name
some determinations differently: all of their names are taken.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from defender_emulator.defender.answers import json_object
from defender_emulator.defender.bearer import ApiError
from defender_emulator.defender.documents import AlertDocument, Changes, IncidentChanges, IncidentDocument
from defender_emulator.defender.graph_forms import enum_name
from defender_emulator.defender.verdicts import DETERMINATIONS as LEGAL
from defender_emulator.defender.verdicts import UNCLASSIFIED, UNDETERMINED, check_pair, withdraw_determination
from defender_emulator.json_text import JsonObject

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


def read_incident_changes(body: JsonObject, incident: IncidentDocument, statuses: Mapping[str, str]) -> IncidentChanges:
    """As ``read_changes``; an incident has tags too."""
    tags = body.get("customTags", incident["tags"])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise _refusal("'customTags' must be a list of strings.")
    others = {name: value for name, value in body.items() if name != "customTags"}
    return {**read_changes(others, incident, statuses), "tags": tags}


def read_changes(body: JsonObject, current: IncidentDocument | AlertDocument, statuses: Mapping[str, str]) -> Changes:
    """The body of a PATCH as properties of the XDR document; ``statuses`` maps the names that may be set.

    Raises:
        ApiError: 400 for an unknown property, a value that is none, or a pair that does not go together.
    """
    changes: Changes = {}
    for name, value in body.items():
        if not name.startswith("@odata."):
            changes = {**changes, **_change(name, value, statuses)}
    withdraw_determination(changes, current["classification"])
    if "classification" in changes or "determination" in changes:
        classification = changes.get("classification", current["classification"])
        determination = changes.get("determination", current["determination"])
        check_pair(classification or UNCLASSIFIED, determination or UNDETERMINED, enum_name)
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


def _change(name: str, value: object, statuses: Mapping[str, str]) -> Changes:
    if name == "status":
        return {"status": _member(name, value, statuses)}
    if name == "classification":
        return {"classification": _member(name, value, CLASSIFICATIONS)}
    if name == "determination":
        return {"determination": _member(name, value, DETERMINATIONS)}
    if name != "assignedTo":
        raise _refusal(f"The property '{name}' does not exist or cannot be updated.")
    if value is not None and not isinstance(value, str):
        raise _refusal("'assignedTo' must be a string or null.")
    return {"assignedTo": value or None}


def _member(name: str, value: object, names: Mapping[str, str]) -> str:
    if not isinstance(value, str) or value not in names:
        raise _refusal(f"Cannot convert the literal '{value}' to a value of '{name}' that can be set.")
    return names[value]


def _refusal(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)
