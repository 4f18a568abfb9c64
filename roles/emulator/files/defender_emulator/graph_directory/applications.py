# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/applications``: register, read, change and delete.

Sources: learn.microsoft.com, application-post-applications, application-upsert, application-update, application-list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.responses import Response

from defender_emulator.entra.application_credentials import set_certificates
from defender_emulator.entra.applications import Application, merge, new_application
from defender_emulator.entra.property_lock import WHOLE, completed
from defender_emulator.graph_directory import access, application_rules
from defender_emulator.graph_directory.calls import Call, bad_request, no_content, not_found, object_response, same_key
from defender_emulator.graph_directory.queries import answer_list, named_properties, select, select_context
from defender_emulator.graph_directory.restrictions import check_audience, check_certificates
from defender_emulator.graph_paths import graph_root
from defender_emulator.json_text import JsonObject
from defender_emulator.odata import Field

CONTEXT = "applications"
_KIND = "application"
_FIELDS: dict[str, Field[Mapping[str, object]]] = {
    "id": Field(lambda document: document["id"]),
    "appId": Field(lambda document: document["appId"]),
    "identifierUris": Field(lambda document: document.get("identifierUris") or []),
    "displayName": Field(lambda document: document["displayName"], has_start=True, is_caseless=True),
    "uniqueName": Field(lambda document: document["uniqueName"], is_caseless=True),
}

FindApplication = Callable[[Call], Application]


async def list_applications(call: Call) -> Response:
    """``GET /applications``"""
    access.may_read_applications(call)
    documents = [
        _shown(call, application)
        for application in call.directory.applications.of(call.tenant)
        if call.is_visible(application.created_at)
    ]
    return answer_list(call, CONTEXT, _KIND, documents, _FIELDS)


async def create_application(call: Call) -> Response:
    """``POST /applications``"""
    access.may_create_application(call)
    return _create(call, await call.body())


async def get_application(call: Call) -> Response:
    """``GET /applications/{id}``, and by either key"""
    access.may_read_applications(call)
    document = _shown(call, find_application(call))
    return object_response(call, select_context(call, CONTEXT), select(call, [document], _KIND)[0])


async def update_application(call: Call) -> Response:
    """``PATCH /applications/{id}``, and by either key; with ``Prefer: create-if-missing`` by ``uniqueName``"""
    body = await call.body()
    creates = "create-if-missing" in call.request.headers.get("prefer", "").replace(" ", "").split(",")
    if not creates or "unique_name" not in call.request.path_params:
        return _update(call, find_application(call), body)
    # Writing asks the directory's first copy, which knows what other copies may not show yet.
    name = call.parameter("unique_name")
    application = _by_unique_name(call, name)
    if body.get("uniqueName", name) != name:
        raise bad_request("The uniqueName in the body is not the one in the request's path.")
    if application is not None:
        return _update(call, application, body)
    access.may_create_application(call)
    return _create(call, {**body, "uniqueName": name})


async def delete_application(call: Call) -> Response:
    """``DELETE /applications/{id}``, and by either key: its service principal at home goes too"""
    application = owned_application(call)
    call.directory.delete_application(application)
    return no_content()


def find_application(call: Call) -> Application:
    """The application that the path names, by object id, ``appId`` or ``uniqueName``.

    Raises:
        GraphError: 404, there is none in this tenant, or not yet.
    """
    parameters = call.request.path_params
    if "app_id" in parameters:
        what = call.parameter("app_id")
        found = call.directory.applications.find(what)
    elif "unique_name" in parameters:
        what = call.parameter("unique_name")
        found = _by_unique_name(call, what)
    else:
        what = call.parameter("id")
        registered = call.directory.applications.of(call.tenant)
        found = next((application for application in registered if application.object_id == what.lower()), None)
    if found is None or found.tenant_id != call.tenant.tenant_id or not call.is_visible(found.created_at):
        raise not_found(what)
    return found


def owned_application(call: Call) -> Application:
    """``find_application``, when the caller may write it."""
    application = find_application(call)
    access.may_write(call, application.owners)
    return application


def _by_unique_name(call: Call, name: str) -> Application | None:
    for application in call.directory.applications.of(call.tenant):
        if str(application.document["uniqueName"] or "").casefold() == name.casefold():
            return application
    return None


def _create(call: Call, properties: JsonObject) -> Response:
    application_rules.check_new(properties)
    _check_unique(call, properties, None)
    properties = {name: value for name, value in properties.items() if name != "passwordCredentials"}
    entries = application_rules.certificates(properties.pop("keyCredentials", None) or [])
    if call.directory.settings.lock_new_applications:
        properties = {"servicePrincipalLockConfiguration": WHOLE, **properties}
    application = new_application(call.tenant, _completed(properties), owners=[call.caller.object_id])
    check_audience(call, None, application.document["signInAudience"])
    check_certificates(call, None, entries)
    set_certificates(application, entries)
    call.directory.applications.save(application)
    location = f"{graph_root(call.request)}/applications/{application.object_id}"
    return object_response(call, CONTEXT, _shown(call, application), 201, location)


def _update(call: Call, application: Application, changes: JsonObject) -> Response:
    access.may_write(call, application.owners)
    application_rules.check_change(application, changes)
    _check_unique(call, changes, application)
    if changes.get("signInAudience", application.document["signInAudience"]) != application.document["signInAudience"]:
        check_audience(call, application, changes["signInAudience"])
    if "keyCredentials" in changes:
        known = application.document["keyCredentials"]
        entries = application_rules.certificates(changes.pop("keyCredentials"), known)
        check_certificates(call, application, entries)
        set_certificates(application, entries)
    application.document = merge(application.document, _completed(changes))
    call.directory.applications.save(application)
    return no_content()


def _completed(properties: JsonObject) -> JsonObject:
    """The properties as they are kept: a property lock with all its flags."""
    name = "servicePrincipalLockConfiguration"
    return {**properties, name: completed(properties[name])} if name in properties else properties


def _check_unique(call: Call, properties: JsonObject, itself: Application | None) -> None:
    name = properties.get("uniqueName")
    holder = _by_unique_name(call, name) if name else None
    if holder is not None and holder is not itself:
        raise same_key("Another object with the same value for property uniqueName already exists.", "uniqueName")


def _shown(call: Call, application: Application) -> Mapping[str, object]:
    """The document; the certificates themselves only for who asks for them by name."""
    document = application.document
    if "keyCredentials" in (named_properties(call) or []):
        return document
    return {**document, "keyCredentials": [{**entry, "key": None} for entry in document["keyCredentials"]]}
