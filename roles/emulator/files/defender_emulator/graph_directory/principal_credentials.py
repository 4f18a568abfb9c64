# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of a service principal itself, which its application's property lock forbids to change.

Sources: learn.microsoft.com, serviceprincipal-addpassword, serviceprincipal-removepassword, serviceprincipal-update.
"""

from __future__ import annotations

from starlette.responses import Response

from defender_emulator.entra.application_credentials import hash_secret, make_secret
from defender_emulator.entra.service_principals import ServicePrincipal
from defender_emulator.entra.tenants import is_guid
from defender_emulator.graph_directory import access, application_rules
from defender_emulator.graph_directory.calls import Call, bad_request, no_content, object_response
from defender_emulator.graph_directory.credentials import new_secret, no_credential
from defender_emulator.graph_directory.principals import addressed_principal
from defender_emulator.graph_directory.restrictions import check_lock, check_secret

_CHANGEABLE = ("keyCredentials", "tokenEncryptionKeyId")


async def add_password(call: Call) -> Response:
    """``POST /servicePrincipals/{id}/addPassword``: the only time that the secret is shown"""
    principal = _owned(call)
    application = call.directory.applications.find(principal.client_id)
    check_lock(application, "passwordCredentials")
    secret = make_secret()
    entry = new_secret(secret, await call.body())
    if application is not None:
        check_secret(call, application, entry, on_principal=True)
    principal.password_credentials.append(entry)
    principal.secret_hashes[entry["keyId"]] = hash_secret(secret)
    call.directory.service_principals.save(principal)
    return object_response(call, "microsoft.graph.passwordCredential", {**entry, "secretText": secret})


async def remove_password(call: Call) -> Response:
    """``POST /servicePrincipals/{id}/removePassword``"""
    principal = _owned(call)
    check_lock(call.directory.applications.find(principal.client_id), "passwordCredentials")
    key_id = str((await call.body()).get("keyId"))
    if principal.secret_hashes.pop(key_id, None) is None:
        raise no_credential()
    principal.password_credentials = [entry for entry in principal.password_credentials if entry["keyId"] != key_id]
    call.directory.service_principals.save(principal)
    return no_content()


async def update_principal(call: Call) -> Response:
    """``PATCH /servicePrincipals/{id}``, and by ``appId``: certificates, and the key that tokens are encrypted with"""
    principal = _owned(call)
    changes = await call.body()
    for name in changes:
        if name not in _CHANGEABLE:
            raise bad_request(f"Property '{name}' of a service principal is not changed here.")
        check_lock(call.directory.applications.find(principal.client_id), name)
    key = changes.get("tokenEncryptionKeyId", principal.token_encryption_key_id)
    if key is not None and not is_guid(key):
        raise bad_request("Invalid value specified for property 'tokenEncryptionKeyId' of resource 'ServicePrincipal'.")
    if "keyCredentials" in changes:
        known = principal.key_credentials
        principal.key_credentials = application_rules.certificates(changes["keyCredentials"], known)
    principal.token_encryption_key_id = key
    call.directory.service_principals.save(principal)
    return no_content()


def _owned(call: Call) -> ServicePrincipal:
    """The service principal that the path names, when the caller may write it."""
    stored = addressed_principal(call).stored
    if stored is None:
        raise access.denied("Microsoft's own service principals cannot be changed.")
    access.may_write(call, stored.owners)
    return stored
