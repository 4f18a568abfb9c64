# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/applications/{id}/addPassword`` and its three relatives.

Sources: learn.microsoft.com, application-addpassword, application-removepassword, application-addkey,
application-removekey, application-rollkey-prooftoken.
"""

from __future__ import annotations

import jwt
from starlette.responses import Response

from defender_emulator import timestamps
from defender_emulator.entra.application_credentials import (
    add_secret,
    certificates,
    is_current,
    make_secret,
    remove_certificate,
    remove_secret,
    secret_entry,
    set_certificates,
)
from defender_emulator.entra.applications import Application
from defender_emulator.entra.documents import PasswordCredential
from defender_emulator.entra.unproven import malformed_at_worst
from defender_emulator.graph_directory import application_rules
from defender_emulator.graph_directory.applications import owned_application
from defender_emulator.graph_directory.calls import Call, bad_request, no_content, object_response
from defender_emulator.graph_directory.restrictions import check_certificates, check_secret
from defender_emulator.graph_errors import GraphError
from defender_emulator.json_text import JsonObject

# Azure AD Graph, to which a proof of possession is still addressed.
_PROOF_AUDIENCE = "00000002-0000-0000-c000-000000000000"
_PROOF_SECONDS = 600


async def add_password(call: Call) -> Response:
    """``POST /applications/{id}/addPassword``: the only time that the secret is shown"""
    application = owned_application(call)
    secret = make_secret()
    entry = new_secret(secret, await call.body())
    check_secret(call, application, entry)
    add_secret(application, secret, entry)
    call.directory.applications.save(application)
    return object_response(call, "microsoft.graph.passwordCredential", {**entry, "secretText": secret})


async def remove_password(call: Call) -> Response:
    """``POST /applications/{id}/removePassword``"""
    application = owned_application(call)
    body = await call.body()
    return _removed(call, application, remove_secret(application, str(body.get("keyId"))))


async def add_key(call: Call) -> Response:
    """``POST /applications/{id}/addKey``: a further certificate, by proof that the caller holds an earlier one"""
    application = owned_application(call)
    body = await call.body()
    _check_proof(application, body)
    given = body.get("keyCredential")
    entry = application_rules.certificates([given])[0]
    check_certificates(call, application, [entry])
    set_certificates(application, [*application.document["keyCredentials"], entry])
    call.directory.applications.save(application)
    return object_response(call, "microsoft.graph.keyCredential", {**entry, "key": None})


async def remove_key(call: Call) -> Response:
    """``POST /applications/{id}/removeKey``"""
    application = owned_application(call)
    body = await call.body()
    _check_proof(application, body)
    return _removed(call, application, remove_certificate(application, str(body.get("keyId"))))


def new_secret(secret: str, body: JsonObject) -> PasswordCredential:
    """The entry for a secret as the body of a request describes it. GraphError 400 for dates that cannot be."""
    properties = body.get("passwordCredential") or {}
    _check_dates(properties)
    try:
        return secret_entry(secret, properties)
    except ValueError as error:
        raise bad_request(str(error)) from None


def no_credential() -> GraphError:
    """400: there is none of that id."""
    return bad_request("No credentials found to be removed.", "CredentialNotFound", "keyId")


def _removed(call: Call, application: Application, was_there: bool) -> Response:
    if not was_there:
        raise no_credential()
    call.directory.applications.save(application)
    return no_content()


def _check_dates(properties: object) -> None:
    if not isinstance(properties, dict):
        raise bad_request("Invalid value specified for property 'passwordCredential'.")
    dates = {}
    for name in ("startDateTime", "endDateTime"):
        try:
            dates[name] = timestamps.read(properties[name]) if properties.get(name) else None
        except (TypeError, ValueError):
            raise bad_request(
                f"Cannot convert the literal of '{name}' to the expected type 'Edm.DateTimeOffset'."
            ) from None
    start, end = dates["startDateTime"] or timestamps.now(), dates["endDateTime"]
    if end is not None and end <= start:
        raise bad_request("Password credential end date is invalid.", "CredentialInvalidEndDate", "endDateTime")


def _check_proof(application: Application, body: JsonObject) -> None:
    """Accept a token that one of the application's valid certificates has signed for this purpose."""
    for entry, certificate in certificates(application):
        if not is_current(entry):
            continue
        try:
            with malformed_at_worst():
                claims = jwt.decode(
                    str(body.get("proof")),
                    certificate.public_key,
                    algorithms=["RS256", "PS256"],
                    audience=_PROOF_AUDIENCE,
                    issuer=application.object_id,
                    leeway=300,
                    options={"require": ["exp", "nbf", "aud", "iss"]},
                )
                if claims["exp"] - claims["nbf"] <= _PROOF_SECONDS:
                    return
        except jwt.InvalidTokenError:
            continue
    raise GraphError(401, "Authentication_MissingOrMalformed", "Access Token missing or malformed.")
