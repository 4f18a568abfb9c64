# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The applications that are registered, each in the directory of its publisher."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import cast

from defender_emulator.entra.documents import (
    ApplicationDocument,
    ApplicationProperties,
    FederatedCredential,
    PasswordCredential,
)
from defender_emulator.entra.tenants import Tenant
from defender_emulator.json_text import JsonObject
from defender_emulator.store import Store

SINGLE_TENANT = "AzureADMyOrg"

_KIND = "registration"


@dataclass
class Application:
    """One registration. ``document`` is what Microsoft Graph shows, with every property a client wrote.

    ``secret_hashes`` and ``added_at`` go by key id; ``added_at`` holds federated credentials too, and is when Entra ID
    came to know the credential, whatever its own dates say. ``owners`` are object ids of service principals at home.
    """

    tenant_id: str
    document: ApplicationDocument
    created_at: float
    owners: list[str] = field(default_factory=list)
    secret_hashes: dict[str, str] = field(default_factory=dict)
    federated_credentials: list[FederatedCredential] = field(default_factory=list)
    added_at: dict[str, float] = field(default_factory=dict)

    @property
    def object_id(self) -> str:
        """The id of the registration itself."""
        return self.document["id"]

    @property
    def client_id(self) -> str:
        """``appId``: the same in every tenant."""
        return self.document["appId"]

    @property
    def display_name(self) -> str:
        return self.document["displayName"]

    @property
    def is_single_tenant(self) -> bool:
        return self.document["signInAudience"] == SINGLE_TENANT

    @property
    def redirect_uris(self) -> list[str]:
        """Where a consent may lead back to."""
        return list(self.document["web"]["redirectUris"])

    @property
    def publisher_domain(self) -> str:
        return self.document["publisherDomain"]

    @property
    def verified_publisher(self) -> str | None:
        """The name that Microsoft has verified, if it has."""
        return self.document["verifiedPublisher"]["displayName"]

    @property
    def held_secrets(self) -> list[tuple[PasswordCredential, str]]:
        """Its secrets, each with the hash of what it really is."""
        return [(entry, self.secret_hashes[entry["keyId"]]) for entry in self.document["passwordCredentials"]]

    def wanted_role_ids(self) -> list[tuple[str, str]]:
        """The application permissions it asks for: application id of the API, and id of the app role."""
        return [
            (wanted["resourceAppId"], access["id"])
            for wanted in self.document["requiredResourceAccess"]
            for access in wanted["resourceAccess"]
            if access["type"] == "Role"
        ]


class Applications:
    """All registrations, kept in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._all = {key: Application(**document) for key, document in store.all(_KIND).items()}
        self._by_client_id = {application.client_id: application for application in self._all.values()}

    def all(self) -> list[Application]:
        """Every registration, oldest first."""
        return sorted(self._all.values(), key=lambda application: application.created_at)

    def of(self, tenant: Tenant) -> list[Application]:
        """What is registered in the tenant, oldest first."""
        return [application for application in self.all() if application.tenant_id == tenant.tenant_id]

    def find(self, client_id: str) -> Application | None:
        """The application of that client id, wherever it is registered."""
        return self._by_client_id.get(client_id.lower())

    def save(self, application: Application) -> None:
        """Keep a new or changed registration."""
        self._all[application.object_id] = application
        self._by_client_id[application.client_id] = application
        self._store.put(_KIND, application.object_id, asdict(application))

    def remove(self, application: Application) -> None:
        """Forget a registration."""
        del self._all[application.object_id], self._by_client_id[application.client_id]
        self._store.remove(_KIND, application.object_id)


def new_application(
    tenant: Tenant, properties: JsonObject, client_id: str | None = None, owners: Iterable[str] = ()
) -> Application:
    """A registration with Graph's defaults for what ``properties``, at least a ``displayName``, leave out."""
    now = time.time()
    document = {
        "id": str(uuid.uuid4()),
        "deletedDateTime": None,
        "appId": client_id or str(uuid.uuid4()),
        "createdDateTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "publisherDomain": tenant.domain,
        **default_properties(),
    }
    # Where properties come from, they are checked against the defaults.
    registered = cast("ApplicationDocument", _merged(document, properties))
    return Application(tenant.tenant_id, registered, now, list(owners))


def default_properties() -> ApplicationProperties:
    """What an application has of which nothing is said. Source: learn.microsoft.com, application-post-applications."""
    return {
        "applicationTemplateId": None,
        "description": None,
        "disabledByMicrosoftStatus": None,
        "groupMembershipClaims": None,
        "identifierUris": [],
        "isDeviceOnlyAuthSupported": None,
        "isFallbackPublicClient": None,
        "notes": None,
        "serviceManagementReference": None,
        "signInAudience": "AzureADandPersonalMicrosoftAccount",
        "tags": [],
        "tokenEncryptionKeyId": None,
        "uniqueName": None,
        "optionalClaims": None,
        "addIns": [],
        "api": {
            "acceptMappedClaims": None,
            "knownClientApplications": [],
            "requestedAccessTokenVersion": None,
            "oauth2PermissionScopes": [],
            "preAuthorizedApplications": [],
        },
        "appRoles": [],
        "info": {
            "logoUrl": None,
            "marketingUrl": None,
            "privacyStatementUrl": None,
            "supportUrl": None,
            "termsOfServiceUrl": None,
        },
        "keyCredentials": [],
        "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
        "passwordCredentials": [],
        "publicClient": {"redirectUris": []},
        "requiredResourceAccess": [],
        "servicePrincipalLockConfiguration": None,
        "spa": {"redirectUris": []},
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
        "web": {
            "homePageUrl": None,
            "logoutUrl": None,
            "redirectUris": [],
            "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": False},
        },
    }


def merge(document: ApplicationDocument, changes: JsonObject) -> ApplicationDocument:
    """The document with changes that were checked: objects are changed property by property, collections replaced."""
    return cast("ApplicationDocument", _merged(document, changes))


def _merged(document: Mapping[str, object], changes: JsonObject) -> dict[str, object]:
    merged = dict(document)
    for name, value in changes.items():
        known = merged.get(name)
        merged[name] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged
