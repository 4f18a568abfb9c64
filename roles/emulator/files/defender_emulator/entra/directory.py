# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who exists and who may do what: tenants, applications, service principals, and the rules between them."""

from __future__ import annotations

import time
from dataclasses import asdict

from defender_emulator.entra import app_policies, identity_provider, partnership
from defender_emulator.entra import registered_at_first as first
from defender_emulator.entra.application_credentials import (
    add_secret,
    certificate_entry,
    hash_secret,
    secret_entry,
    set_certificates,
)
from defender_emulator.entra.applications import Application, Applications, new_application
from defender_emulator.entra.documents import FederatedCredential, KeyCredential
from defender_emulator.entra.resources import RESOURCES, Resource, resource_by_key
from defender_emulator.entra.service_principals import (
    ServicePrincipal,
    ServicePrincipals,
    resource_principal_id,
)
from defender_emulator.entra.service_settings import ServiceSettings
from defender_emulator.entra.tenants import Tenant, Tenants
from defender_emulator.json_text import JsonObject
from defender_emulator.store import Store

STORED_KINDS = (
    "tenant",
    "registration",
    "service_principal",
    "service",
    app_policies.STORED_KIND,
    *partnership.STORED_KINDS,
)

_YEAR = 365 * 86400
_SETTINGS = ("service", "settings")
_SAMPLE_MADE = ("service", "sample")


class Directory:
    """Everything Entra ID knows, kept in the store.

    What ``registered_at_first`` names is registered in a new store. The sample application comes and goes with its
    credentials; one that was deleted through Graph stays deleted.
    """

    def __init__(self, store: Store, tenant_count: int, credentials: first.Credentials) -> None:
        self._store = store
        self.tenants = Tenants(store, tenant_count)
        self.applications = Applications(store)
        self.service_principals = ServicePrincipals(store)
        self.partnership = partnership.Partnership(store)
        self.app_policies = app_policies.AppPolicies(store, self.tenants.home)
        self.settings = ServiceSettings(**(store.get(*_SETTINGS) or {}))
        with store.transaction():
            self._register_registrar(credentials)
            self._register_foreign()
            self._register_sample(credentials)

    @property
    def home(self) -> Tenant:
        """The provider's own tenant."""
        return self.tenants.home

    @property
    def sample(self) -> Application | None:
        """The sample application, while there is one."""
        return self.applications.find(first.SAMPLE_ID)

    def change_settings(self, changes: JsonObject) -> None:
        """Set some of the services' settings."""
        self.settings = ServiceSettings(**{**asdict(self.settings), **changes})
        self._store.put(*_SETTINGS, asdict(self.settings))

    def application_name(self, client_id: str) -> str:
        """What the application is called; its id once it is gone."""
        application = self.applications.find(client_id)
        return application.display_name if application else client_id

    def roles(self, tenant: Tenant, principal: ServicePrincipal, resource: Resource) -> list[str]:
        """The names of the app roles granted, as a token's ``roles`` has them."""
        names = {permission.role_id: permission.name for permission in resource.permissions}
        return [names[role_id] for role_id in principal.role_ids(resource_principal_id(tenant, resource))]

    def consent(
        self, tenant: Tenant, application: Application, roles: dict[str, list[str]] | None = None
    ) -> ServicePrincipal:
        """Grant what the application asks for (or ``roles``, by resource key) and take back what it no longer does."""
        principal = self.service_principals.find(tenant, application.client_id)
        if principal is None:
            principal = self.service_principals.create(tenant, application)
        wanted = application.wanted_role_ids() if roles is None else _role_ids(roles)
        principal.consented_at = time.time()
        self._grant(tenant, principal, wanted)
        return principal

    def set_roles(self, tenant: Tenant, principal: ServicePrincipal, roles: dict[str, list[str]]) -> None:
        """Replace the roles without touching the time of consent."""
        self._grant(tenant, principal, _role_ids(roles))

    def consent_everywhere(self, application: Application) -> None:
        """Consent in every customer tenant."""
        with self._store.transaction():
            for tenant in self.tenants.customers:
                self.consent(tenant, application)

    def delete_application(self, application: Application) -> None:
        """Delete a registration, and its service principal at home. Customers keep theirs, and it gets no token."""
        self.applications.remove(application)
        home = self.tenants.resolve(application.tenant_id)
        if principal := self.service_principals.find(home, application.client_id):
            self.service_principals.remove(principal)

    def _grant(self, tenant: Tenant, principal: ServicePrincipal, wanted: list[tuple[str, str]]) -> None:
        known = {resource.app_id: resource for resource in RESOURCES}
        self.service_principals.replace_roles(
            principal,
            [
                (resource_principal_id(tenant, known[app_id]), role_id)
                for app_id, role_id in wanted
                if app_id in known and known[app_id].has_role(role_id)
            ],
        )

    def _register_registrar(self, credentials: first.Credentials) -> None:
        application = self.applications.find(first.REGISTRAR_ID)
        if application is None:
            application = new_application(self.home, first.REGISTRAR, first.REGISTRAR_ID)
            _add_file(application, credentials.registrar_secret, first.REGISTRAR_SECRET_ID)
            self._register(application)
        self._refresh_secret(application, first.REGISTRAR_SECRET_ID, credentials.registrar_secret)

    def _register_foreign(self) -> None:
        if self.applications.find(first.FOREIGN_ID) is None:
            publisher = Tenant("adatum", first.FOREIGN_PUBLISHER_ID, "Adatum")
            self._register(new_application(publisher, first.FOREIGN, first.FOREIGN_ID))

    def _register_sample(self, credentials: first.Credentials) -> None:
        application = self.sample
        if credentials.secret is None or credentials.certificate is None:
            if application is not None:
                self.delete_application(application)
            self._store.remove(*_SAMPLE_MADE)
        elif application is not None:
            self._refresh_secret(application, first.SAMPLE_SECRET_ID, credentials.secret)
            self._refresh_certificate(application, credentials.certificate)
        elif self._store.get(*_SAMPLE_MADE) is None:
            self._store.put(*_SAMPLE_MADE, True)
            application = new_application(self.home, first.SAMPLE, first.SAMPLE_ID)
            _add_file(application, credentials.secret, first.SAMPLE_SECRET_ID)
            set_certificates(application, [_sample_certificate(credentials.certificate)])
            application.federated_credentials = [_SAMPLE_FEDERATION]
            self._register(application)

    def _register(self, application: Application) -> None:
        """Let the application stand at home as if for a year: no lag concerns it."""
        application.created_at -= _YEAR
        application.added_at = dict.fromkeys(application.added_at, application.created_at)
        self.applications.save(application)
        principal = self.service_principals.create(self.home, application)
        principal.created_at = principal.consented_at = application.created_at
        if application.client_id == first.REGISTRAR_ID:
            self._grant(self.home, principal, application.wanted_role_ids())
        for assignment in principal.assignments:
            assignment.created_at = application.created_at
        self.service_principals.save(principal)

    def _refresh_secret(self, application: Application, key_id: str, secret: str) -> None:
        # The store may be older than the directory that holds the files.
        if application.secret_hashes.get(key_id, "") not in ("", hash_secret(secret)):
            application.secret_hashes[key_id] = hash_secret(secret)
            self.applications.save(application)

    def _refresh_certificate(self, application: Application, certificate: str) -> None:
        entries = application.document["keyCredentials"]
        fresh = [
            _sample_certificate(certificate)
            if entry["keyId"] == first.SAMPLE_CERTIFICATE_ID and entry["key"] != certificate
            else entry
            for entry in entries
        ]
        if fresh != entries:
            set_certificates(application, fresh)
            self.applications.save(application)


_SAMPLE_FEDERATION: FederatedCredential = {
    "id": first.SAMPLE_FEDERATION_ID,
    "name": "pipelines",
    "issuer": identity_provider.ISSUER,
    "subject": identity_provider.SUBJECT,
    "description": None,
    "audiences": [identity_provider.AUDIENCE],
}


def _add_file(application: Application, secret: str, key_id: str) -> None:
    add_secret(application, secret, secret_entry(secret, {"displayName": "file"}, key_id))


def _sample_certificate(certificate: str) -> KeyCredential:
    return certificate_entry({"key": certificate, "keyId": first.SAMPLE_CERTIFICATE_ID})


def _role_ids(roles: dict[str, list[str]]) -> list[tuple[str, str]]:
    found = []
    for key, names in roles.items():
        resource = resource_by_key(key)
        found += [(resource.app_id, resource.permission(name).role_id) for name in names]
    return found
