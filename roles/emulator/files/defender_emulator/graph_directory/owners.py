# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/applications/{id}/owners``: who may write an application with ``Application.ReadWrite.OwnedBy``.

Sources: learn.microsoft.com, application-list-owners and application-post-owners.
"""

from __future__ import annotations

from starlette.responses import Response

from defender_emulator import json_text
from defender_emulator.graph_directory import access
from defender_emulator.graph_directory.applications import find_application
from defender_emulator.graph_directory.calls import Call, bad_request, no_content
from defender_emulator.graph_directory.principals import find_principal
from defender_emulator.graph_directory.queries import answer_list
from defender_emulator.odata import Field

_FIELDS: dict[str, Field[dict[str, str]]] = {"id": Field(lambda document: document["id"])}


async def list_owners(call: Call) -> Response:
    """``GET /applications/{id}/owners``: service principals, and people by their ids alone"""
    access.may_read_applications(call)
    known = {principal.object_id: principal for principal in call.directory.service_principals.of(call.tenant)}
    documents = []
    for object_id in find_application(call).owners:
        kind = "servicePrincipal" if object_id in known else "user"
        document = {"@odata.type": f"#microsoft.graph.{kind}", "id": object_id}
        if object_id in known:
            document |= {"appId": known[object_id].client_id, "displayName": known[object_id].name}
        documents.append(document)
    return answer_list(call, "directoryObjects", "directoryObject", documents, _FIELDS)


async def add_owner(call: Call) -> Response:
    """``POST /applications/{id}/owners/$ref``: a service principal of the tenant; ``OwnedBy`` is not enough"""
    access.may_write_all(call)
    application = find_application(call)
    collection, _slash, object_id = (await _reference(call)).rpartition("/")
    if collection.rpartition("/")[2] not in ("directoryObjects", "servicePrincipals"):
        raise bad_request("Invalid entity reference specified in the request body.")
    owner = find_principal(call, object_id)
    if owner.object_id in application.owners:
        raise bad_request(
            "One or more added object references already exist for the following modified properties: 'owners'."
        )
    application.owners.append(owner.object_id)
    call.directory.applications.save(application)
    return no_content()


async def _reference(call: Call) -> str:
    """The ``@odata.id`` of the body, which is no property that other calls would read."""
    try:
        body = json_text.read(await call.request.body())
    except ValueError:
        body = None
    return str(body.get("@odata.id", "")) if isinstance(body, dict) else ""
