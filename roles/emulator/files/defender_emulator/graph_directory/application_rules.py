# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Entra ID takes as the properties of an application, and what it refuses.

Sources: learn.microsoft.com, application-post-applications, application-update, reply-url.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from defender_emulator.entra.application_credentials import CERTIFICATE_TYPE, certificate_entry, plain_base64
from defender_emulator.entra.applications import Application, default_properties
from defender_emulator.entra.documents import KeyCredential
from defender_emulator.entra.property_lock import is_configuration
from defender_emulator.entra.tenants import is_guid
from defender_emulator.graph_directory.calls import bad_request
from defender_emulator.graph_errors import GraphError
from defender_emulator.json_text import JsonObject

_READ_ONLY = frozenset({"id", "appId", "createdDateTime", "deletedDateTime", "publisherDomain", "verifiedPublisher"})
_AUDIENCES = (
    "AzureADMyOrg",
    "AzureADMultipleOrgs",
    "AzureADandPersonalMicrosoftAccount",
    "PersonalMicrosoftAccount",
)
_ACCESS_TYPES = ("Role", "Scope")
_NAME_LENGTH = 256
_UNIQUE_NAME_LENGTH = 120
_REDIRECT_LENGTH = 256
_REDIRECT_COUNT = 256
_REFUSED_CHARACTERS = frozenset("*!$'(),;")
_TEXT_COLLECTIONS = frozenset(
    {"identifierUris", "tags", "redirectUris", "knownClientApplications", "countriesBlockedForMinors"}
)
_IDENTIFIED = frozenset({"appRoles", "oauth2PermissionScopes"})
# Whose redirect URIs a browser is sent to; those of a public client may have a scheme of their own.
_WEB_PLATFORMS = ("web", "spa")


def check_new(properties: JsonObject) -> None:
    """Refuse (400) properties that no new application can have."""
    if not properties.get("displayName"):
        raise bad_request(
            "A value is required for property 'displayName' of resource 'Application'.",
            "MissingRequiredProperty",
            "displayName",
        )
    if properties.get("passwordCredentials"):
        raise _no_passwords()
    _check(properties)


def check_change(application: Application, changes: JsonObject) -> None:
    """Refuse (400) changes that the application cannot take."""
    if "passwordCredentials" in changes:
        raise _no_passwords()
    name = application.document["uniqueName"]
    if "uniqueName" in changes and name is not None and changes["uniqueName"] != name:
        raise bad_request("Property 'uniqueName' is immutable once it has a value.", "ImmutableProperty", "uniqueName")
    if "displayName" in changes and not changes["displayName"]:
        raise _invalid("displayName")
    _check(changes)


def certificates(given: object, before: Iterable[KeyCredential] = ()) -> list[KeyCredential]:
    """The ``keyCredentials`` to keep: a new one is read and completed, a known one (by ``keyId``) stays as it is.

    Raises:
        GraphError: 400, one of them is no certificate, or lacks its ``key``.
    """
    known = {entry["keyId"]: entry for entry in before}
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        raise _invalid("keyCredentials")
    entries = [_certificate(properties, known) for properties in given]
    ids = [entry["keyId"] for entry in entries]
    if len(set(ids)) < len(ids):
        raise bad_request("Request contains a property with duplicate values.", "ObjectConflict", "keyCredentials")
    return entries


def _certificate(properties: JsonObject, known: dict[str, KeyCredential]) -> KeyCredential:
    before = known.get(str(properties.get("keyId")))
    if before is not None and _is_same_key(before["key"], properties.get("key")):
        return before
    is_certificate = properties.get("type", CERTIFICATE_TYPE) == CERTIFICATE_TYPE
    if not is_certificate or properties.get("usage", "Verify") != "Verify":
        raise _invalid("keyCredentials")
    if properties.get("keyId") is not None and not is_guid(properties["keyId"]):
        raise _invalid("keyCredentials")
    try:
        return certificate_entry(properties)
    except (TypeError, ValueError) as error:
        message = f"Key credential is invalid: {error}."
        raise bad_request(message, "KeyCredentialsInvalid", "keyCredentials") from None


def _is_same_key(known: str, given: object) -> bool:
    """Graph shows no key unless asked for it, so a list that was read and sent back has none."""
    return given is None or (isinstance(given, str) and plain_base64(given) == known)


def _check(properties: JsonObject) -> None:
    for name in sorted(_READ_ONLY & set(properties)):
        raise bad_request(f"Property '{name}' is read-only and cannot be set.", "ReadOnlyProperty", name)
    _check_shape(properties, default_properties())
    _check_text(properties, "displayName", _NAME_LENGTH)
    _check_text(properties, "uniqueName", _UNIQUE_NAME_LENGTH)
    if properties.get("signInAudience", _AUDIENCES[0]) not in _AUDIENCES:
        raise _invalid("signInAudience")
    for platform in ("web", "spa", "publicClient"):
        if platform in properties:
            _check_platform(properties[platform], platform)
    if not is_configuration(properties.get("servicePrincipalLockConfiguration")):
        raise _invalid("servicePrincipalLockConfiguration")
    if "requiredResourceAccess" in properties:
        _check_required_access(properties["requiredResourceAccess"])


def _check_shape(properties: JsonObject, usual: Mapping[str, object]) -> None:
    """Objects, collections and what they hold are of the kind that an application has there."""
    for name, value in properties.items():
        known = usual.get(name)
        if isinstance(known, dict):
            if not isinstance(value, dict):
                raise _invalid(name)
            _check_shape(value, known)
        elif isinstance(known, list):
            kind = str if name in _TEXT_COLLECTIONS else dict
            if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
                raise _invalid(name)
            if name in _IDENTIFIED and not all(is_guid(one.get("id")) for one in value):
                raise _invalid(name)


def _check_text(properties: JsonObject, name: str, longest: int) -> None:
    value = properties.get(name)
    if value is not None and (not isinstance(value, str) or not 1 <= len(value) <= longest):
        raise _invalid(name)


def _check_platform(settings: object, platform: str) -> None:
    if not isinstance(settings, dict):
        raise _invalid(platform)
    uris = settings.get("redirectUris", [])
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise _invalid(f"{platform}.redirectUris")
    if len(uris) > _REDIRECT_COUNT or len(set(uris)) < len(uris):
        raise _invalid(f"{platform}.redirectUris")
    for uri in uris:
        if reason := _objection(uri, platform in _WEB_PLATFORMS):
            message = f"Reply address '{uri}' is invalid: {reason}."
            raise bad_request(message, "InvalidReplyAddress", f"{platform}.redirectUris")


def _objection(uri: str, is_web: bool) -> str | None:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "it is not a URI"
    if not is_web:
        return None
    if len(uri) > _REDIRECT_LENGTH:
        return f"it is longer than {_REDIRECT_LENGTH} characters"
    if parts.fragment or uri.endswith("#"):
        return "it has a fragment"
    if _REFUSED_CHARACTERS & set(uri) or any(character.isspace() for character in uri):
        return "it has a wildcard or another character that is not supported"
    if not parts.hostname:
        return "it is not an absolute URI"
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")):
        return "it must start with 'https://' or 'http://localhost'"
    return None


def _check_required_access(wanted: object) -> None:
    """Malformed ids are refused. Whether API and permission exist is not looked at: consent finds out."""
    name = "requiredResourceAccess"
    if not isinstance(wanted, list) or not all(isinstance(item, dict) for item in wanted):
        raise _invalid(name)
    apis = [item.get("resourceAppId") for item in wanted]
    if not all(is_guid(api) for api in apis):
        raise _invalid(name)
    if len(set(apis)) < len(apis):
        raise bad_request("Request contains a property with duplicate values.", "ObjectConflict", name)
    for item in wanted:
        access = item.get("resourceAccess")
        if not isinstance(access, list) or not access:
            raise _invalid(name)
        for entry in access:
            if not isinstance(entry, dict) or not is_guid(entry.get("id")) or entry.get("type") not in _ACCESS_TYPES:
                raise _invalid(name)


def _no_passwords() -> GraphError:
    message = "New password credentials must be generated with service actions."
    return bad_request(message, "CannotUpdatePasswordCredentials", "passwordCredentials")


def _invalid(name: str) -> GraphError:
    return bad_request(
        f"Invalid value specified for property '{name}' of resource 'Application'.", "InvalidValue", name
    )
