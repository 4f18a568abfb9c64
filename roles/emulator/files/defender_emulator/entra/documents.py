# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application as the store keeps it, which is how Microsoft Graph writes it.

An ``object`` is whatever a client wrote. An application has every further property that a client wrote, too.
Source: learn.microsoft.com, resources/application and the pages of its parts.
"""

from __future__ import annotations

from typing import TypedDict

from defender_emulator.json_text import JsonObject


class PasswordCredential(TypedDict):
    """A secret, without the secret itself: ``hint`` is its first three characters."""

    customKeyIdentifier: object
    displayName: object
    endDateTime: str
    hint: str
    keyId: str
    secretText: None
    startDateTime: str


class KeyCredential(TypedDict):
    """A certificate; ``key`` is base64 of its DER form."""

    customKeyIdentifier: object
    displayName: object
    endDateTime: str
    key: str
    keyId: str
    startDateTime: str
    type: str
    usage: str


class FederatedCredential(TypedDict):
    """Whose tokens the application may show instead of a secret. There is exactly one audience."""

    id: str
    name: str
    issuer: str
    subject: str
    audiences: list[str]
    description: object


class ResourceAccess(TypedDict):
    """A permission that is asked for; ``type`` is ``Role`` or ``Scope``."""

    id: str
    type: str


class RequiredAccess(TypedDict):
    """What is asked for of one API."""

    resourceAppId: str
    resourceAccess: list[ResourceAccess]


class VerifiedPublisher(TypedDict):
    """The publisher whose name Microsoft has verified; all None where it has not."""

    displayName: str | None
    verifiedPublisherId: str | None
    addedDateTime: str | None


class LockConfiguration(TypedDict):
    """Which properties nobody may change of the application's service principals, in any tenant."""

    isEnabled: bool
    allProperties: bool
    credentialsWithUsageVerify: bool
    credentialsWithUsageSign: bool
    tokenEncryptionKeyId: bool


class Identified(TypedDict):
    """An app role or a scope that a client wrote: of its properties only the id counts here."""

    id: str


class Api(TypedDict):
    """What an application is as an API of its own."""

    acceptMappedClaims: object
    knownClientApplications: list[str]
    requestedAccessTokenVersion: object
    oauth2PermissionScopes: list[Identified]
    preAuthorizedApplications: list[JsonObject]


class Platform(TypedDict):
    """Where answers may be sent for one kind of client."""

    redirectUris: list[str]


class Web(Platform):
    """What an application is to browsers."""

    homePageUrl: object
    logoutUrl: object
    implicitGrantSettings: JsonObject


class ApplicationProperties(TypedDict):
    """What a client may set of an application."""

    applicationTemplateId: object
    description: object
    disabledByMicrosoftStatus: object
    groupMembershipClaims: object
    identifierUris: list[str]
    isDeviceOnlyAuthSupported: object
    isFallbackPublicClient: object
    notes: object
    serviceManagementReference: object
    signInAudience: str
    tags: list[str]
    tokenEncryptionKeyId: object
    uniqueName: str | None
    optionalClaims: object
    addIns: list[JsonObject]
    api: Api
    appRoles: list[Identified]
    info: JsonObject
    keyCredentials: list[KeyCredential]
    parentalControlSettings: JsonObject
    passwordCredentials: list[PasswordCredential]
    publicClient: Platform
    requiredResourceAccess: list[RequiredAccess]
    servicePrincipalLockConfiguration: LockConfiguration | None
    spa: Platform
    verifiedPublisher: VerifiedPublisher
    web: Web


class ApplicationDocument(ApplicationProperties):
    """A registration."""

    id: str
    appId: str
    createdDateTime: str
    deletedDateTime: None
    displayName: str
    publisherDomain: str
