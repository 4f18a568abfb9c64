# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/applications/{id}/federatedIdentityCredentials``.

Source: learn.microsoft.com, federatedidentitycredential and application-post-federatedidentitycredentials.
"""

from __future__ import annotations

import re
import time
import uuid

from starlette.responses import Response

from defender_emulator.entra.applications import Application
from defender_emulator.entra.documents import FederatedCredential
from defender_emulator.graph_directory import access
from defender_emulator.graph_directory.applications import find_application, owned_application
from defender_emulator.graph_directory.calls import (
    Call,
    bad_request,
    list_response,
    no_content,
    not_found,
    object_response,
    same_key,
)
from defender_emulator.graph_errors import GraphError
from defender_emulator.json_text import JsonObject

_CHANGEABLE = ("issuer", "subject", "audiences", "description")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,119}")
_LONGEST = 600
_MOST = 20


async def list_credentials(call: Call) -> Response:
    """``GET``: all of the application's"""
    access.may_read_applications(call)
    application = find_application(call)
    seen = [entry for entry in application.federated_credentials if _is_visible(call, application, entry)]
    return list_response(call, _context(application), seen)


async def create_credential(call: Call) -> Response:
    """``POST``"""
    application = owned_application(call)
    entry = _checked(str(uuid.uuid4()), {**dict.fromkeys(("name", *_CHANGEABLE)), **await call.body()})
    others = application.federated_credentials
    if len(others) >= _MOST:
        raise GraphError(400, "Directory_QuotaExceeded", f"An application can have {_MOST} federated credentials.")
    if any(other["name"] == entry["name"] for other in others):
        raise same_key(f"FederatedIdentityCredential with name {entry['name']} already exists.", "name")
    _check_pair(entry, others)
    application.federated_credentials = [*others, entry]
    application.added_at[entry["id"]] = time.time()
    call.directory.applications.save(application)
    location = f"{call.link}/{entry['id']}"
    return object_response(call, _context(application), entry, 201, location)


async def get_credential(call: Call) -> Response:
    """``GET …/{id or name}``"""
    access.may_read_applications(call)
    application = find_application(call)
    return object_response(call, _context(application), _find(call, application))


async def update_credential(call: Call) -> Response:
    """``PATCH …/{id or name}``: all but the name"""
    application = owned_application(call)
    before = _find(call, application)
    changes = await call.body()
    if changes.get("name", before["name"]) != before["name"]:
        raise bad_request("Property 'name' is immutable.", "ImmutableProperty", "name")
    after = _checked(before["id"], {**before, **changes})
    others = [entry for entry in application.federated_credentials if entry["id"] != before["id"]]
    _check_pair(after, others)
    application.federated_credentials = [*others, after]
    # What it trusts is new, and has to come through like a new one.
    application.added_at[after["id"]] = time.time()
    call.directory.applications.save(application)
    return no_content()


async def delete_credential(call: Call) -> Response:
    """``DELETE …/{id or name}``"""
    application = owned_application(call)
    removed = _find(call, application)
    application.federated_credentials = [
        entry for entry in application.federated_credentials if entry["id"] != removed["id"]
    ]
    application.added_at.pop(removed["id"], None)
    call.directory.applications.save(application)
    return no_content()


def _find(call: Call, application: Application) -> FederatedCredential:
    wanted = call.parameter("credential")
    for entry in application.federated_credentials:
        if wanted in (entry["id"], entry["name"]) and _is_visible(call, application, entry):
            return entry
    raise not_found(wanted)


def _is_visible(call: Call, application: Application, entry: FederatedCredential) -> bool:
    return call.is_visible(application.added_at.get(entry["id"], 0))


def _checked(credential_id: str, properties: JsonObject) -> FederatedCredential:
    """The credential that the properties make up, if they are good."""
    if not isinstance(properties["name"], str) or not _NAME.fullmatch(properties["name"]):
        raise bad_request(
            "The name must have 3 to 120 letters, digits, hyphens or underscores.", "InvalidValue", "name"
        )
    for name in ("issuer", "subject"):
        value = properties[name]
        if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST:
            raise bad_request(f"The {name} must have 1 to {_LONGEST} characters.", "InvalidValue", name)
    audiences = properties["audiences"]
    if not isinstance(audiences, list) or len(audiences) != 1 or not isinstance(audiences[0], str):
        raise bad_request("There must be exactly one audience.", "InvalidValue", "audiences")
    if not 1 <= len(audiences[0]) <= _LONGEST:
        raise bad_request(f"The audience must have 1 to {_LONGEST} characters.", "InvalidValue", "audiences")
    return {
        "id": credential_id,
        "name": properties["name"],
        "issuer": properties["issuer"],
        "subject": properties["subject"],
        "audiences": audiences,
        "description": properties["description"],
    }


def _check_pair(entry: FederatedCredential, others: list[FederatedCredential]) -> None:
    if any((other["issuer"], other["subject"]) == (entry["issuer"], entry["subject"]) for other in others):
        message = "FederatedIdentityCredential with the same issuer and subject already exists."
        raise same_key(message, "issuer,subject")


def _context(application: Application) -> str:
    return f"applications('{application.object_id}')/federatedIdentityCredentials"
