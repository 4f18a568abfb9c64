# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications and Microsoft's own APIs as they stand in each tenant, and the app roles granted there."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from defender_emulator.entra.applications import Application
from defender_emulator.entra.documents import KeyCredential, PasswordCredential
from defender_emulator.entra.resources import RESOURCES, XDR, Resource
from defender_emulator.entra.tenants import Tenant, derive_id
from defender_emulator.store import Store

_KIND = "service_principal"


@dataclass
class AppRoleAssignment:
    """An app role of ``resource_id`` (a service principal's object id), granted to ``principal_id``."""

    id: str
    principal_id: str
    resource_id: str
    role_id: str
    created_at: float


@dataclass
class ServicePrincipal:
    """An application's presence in one tenant. ``name`` and ``publisher_id`` outlive the application itself.

    Its credentials are those that were added to itself; ``secret_hashes`` go by key id.
    """

    tenant_id: str
    client_id: str
    name: str
    publisher_id: str
    object_id: str
    created_at: float
    consented_at: float
    owners: list[str] = field(default_factory=list)
    assignments: list[AppRoleAssignment] = field(default_factory=list)
    password_credentials: list[PasswordCredential] = field(default_factory=list)
    key_credentials: list[KeyCredential] = field(default_factory=list)
    token_encryption_key_id: str | None = None
    secret_hashes: dict[str, str] = field(default_factory=dict)

    @property
    def held_secrets(self) -> list[tuple[PasswordCredential, str]]:
        """Its own secrets, each with the hash of what it really is."""
        return [(entry, self.secret_hashes[entry["keyId"]]) for entry in self.password_credentials]

    def role_ids(self, resource_id: str) -> list[str]:
        """The app roles it has been granted of one resource."""
        return [assignment.role_id for assignment in self.assignments if assignment.resource_id == resource_id]


class ServicePrincipals:
    """The service principals of applications, kept in the store. Those of Microsoft's APIs need no keeping."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._all: dict[tuple[str, str], ServicePrincipal] = {}
        for document in store.all(_KIND).values():
            assignments = [AppRoleAssignment(**assignment) for assignment in document.pop("assignments")]
            principal = ServicePrincipal(**document, assignments=assignments)
            self._all[(principal.tenant_id, principal.client_id)] = principal

    def find(self, tenant: Tenant, client_id: str) -> ServicePrincipal | None:
        """The application's service principal in the tenant."""
        return self._all.get((tenant.tenant_id, client_id.lower()))

    def of(self, tenant: Tenant) -> list[ServicePrincipal]:
        """Every application's service principal in the tenant, oldest first."""
        found = [principal for (tenant_id, _client), principal in self._all.items() if tenant_id == tenant.tenant_id]
        return sorted(found, key=lambda principal: principal.created_at)

    def create(self, tenant: Tenant, application: Application, owners: Iterable[str] = ()) -> ServicePrincipal:
        """Make the application appear in the tenant, without any app role."""
        now = time.time()
        principal = ServicePrincipal(
            tenant_id=tenant.tenant_id,
            client_id=application.client_id,
            name=application.display_name,
            publisher_id=application.tenant_id,
            object_id=str(uuid.uuid4()),
            created_at=now,
            consented_at=now,
            owners=list(owners),
        )
        self.save(principal)
        return principal

    def remove(self, principal: ServicePrincipal) -> None:
        """Take the application out of the tenant, with all it was granted."""
        del self._all[(principal.tenant_id, principal.client_id)]
        self._store.remove(_KIND, _key(principal))

    def replace_roles(self, principal: ServicePrincipal, roles: Iterable[tuple[str, str]]) -> None:
        """Grant exactly these: pairs of resource (object id) and app role id. What stays keeps its assignment."""
        before = {(assignment.resource_id, assignment.role_id): assignment for assignment in principal.assignments}
        principal.assignments = [before.get(pair) or _new_assignment(principal, *pair) for pair in dict.fromkeys(roles)]
        self.save(principal)

    def assign(self, principal: ServicePrincipal, resource_id: str, role_id: str) -> AppRoleAssignment:
        """Grant one app role more."""
        assignment = _new_assignment(principal, resource_id, role_id)
        principal.assignments.append(assignment)
        self.save(principal)
        return assignment

    def unassign(self, principal: ServicePrincipal, assignment: AppRoleAssignment) -> None:
        """Take one app role back."""
        principal.assignments.remove(assignment)
        self.save(principal)

    def save(self, principal: ServicePrincipal) -> None:
        """Keep a new or changed service principal."""
        self._all[(principal.tenant_id, principal.client_id)] = principal
        self._store.put(_KIND, _key(principal), asdict(principal))


def resource_principal_id(tenant: Tenant, resource: Resource) -> str:
    """The object id of one of Microsoft's APIs in the tenant."""
    return derive_id("resource", tenant.tenant_id, resource.app_id)


def resources_present(tenant: Tenant) -> list[Resource]:
    """Microsoft's APIs in the tenant. Only Defender can be missing."""
    return [resource for resource in RESOURCES if resource is not XDR or tenant.settings.service_present]


def _new_assignment(principal: ServicePrincipal, resource_id: str, role_id: str) -> AppRoleAssignment:
    return AppRoleAssignment(str(uuid.uuid4()), principal.object_id, resource_id, role_id, time.time())


def _key(principal: ServicePrincipal) -> str:
    return f"{principal.tenant_id}/{principal.client_id}"
