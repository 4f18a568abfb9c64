# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who exists: the customer tenants, the provider's one application, and what each tenant has granted it."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.resources import XDR, Resource
from defender_emulator.store import Store

NAMES = ("contoso", "fabrikam", "tailspin", "wingtip", "adatum")
SHARED_SEGMENTS = ("common", "organizations", "consumers")
DOCUMENTED_QUOTA = "documented"

_NAMESPACE = uuid.UUID("6f0c4a52-6f0e-5d0b-9d1e-5b0c7d3a9e11")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)


def derive_id(*parts: str) -> str:
    """The same GUID for the same words, in every run."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


@dataclass
class ServicePrincipal:
    """The application's presence in one tenant: its object id and the app roles granted, by resource key."""

    object_id: str
    roles: dict[str, list[str]]
    consented_at: float


@dataclass
class TenantSettings:
    """What a test can turn about one tenant. ``incident_count`` of None means the tenant's own number, 25 to 60."""

    service_present: bool = True
    service_enabled: bool = True
    licensed: bool = True
    app_enabled: bool = True
    conditional_access: bool = False
    other_cloud: bool = False
    incident_count: int | None = None


@dataclass
class Tenant:
    """One customer's directory."""

    name: str
    tenant_id: str
    settings: TenantSettings = field(default_factory=TenantSettings)
    service_principal: ServicePrincipal | None = None

    @property
    def domain(self) -> str:
        """The tenant's verified domain."""
        return f"{self.name}.example"


@dataclass
class Application:
    """The provider's multi-tenant application. A quota of None is no limit; a lifetime of None is 60 to 90 minutes."""

    permissions: dict[str, list[str]] = field(default_factory=lambda: {"xdr": ["Incident.Read.All"], "graph": []})
    secret_expired: bool = False
    certificate_registered: bool = True
    quota_per_minute: int | str | None = DOCUMENTED_QUOTA
    quota_per_hour: int | str | None = DOCUMENTED_QUOTA
    next_link: bool = False
    token_version: int = 1
    token_lifetime: int | None = None
    verified_publisher: bool = True

    client_id = derive_id("application")
    display_name = "Northwind SOC"
    publisher = "Northwind Security"
    publisher_domain = "northwind.example"
    redirect_uri = "https://localhost/consent-result"
    federated_issuer = "https://pipelines.northwind.example"
    federated_subject = "repo:northwind/soc:environment:production"
    federated_audience = "api://AzureADTokenExchange"


class Directory:
    """All tenants and the application, kept in the store."""

    def __init__(self, store: Store, tenant_count: int) -> None:
        self._store = store
        names = [*NAMES, *(f"customer-{number:04}" for number in range(len(NAMES) + 1, tenant_count + 1))]
        self.tenants = [Tenant(name, derive_id("tenant", name)) for name in names[:tenant_count]]
        self.home = Tenant("northwind", derive_id("tenant", "northwind"))
        self._by_segment = {segment: t for t in (*self.tenants, self.home) for segment in (t.tenant_id, t.domain)}
        self.application = Application(**(store.get("application", "settings") or {}))
        saved = store.all("tenant")
        for tenant in self._by_segment.values():
            if document := saved.get(tenant.tenant_id):
                tenant.settings = TenantSettings(**document["settings"])
                principal = document["service_principal"]
                tenant.service_principal = ServicePrincipal(**principal) if principal else None
        if self.home.service_principal is None:
            # Registering an application makes its service principal at home, without any role.
            self.home.service_principal = self._new_principal(self.home, {})

    def resolve(self, segment: str) -> Tenant:
        """The tenant that the first segment of a path names.

        Raises:
            Refusal: 90002 when there is no such tenant, 900023 when it is neither a GUID nor a domain.
        """
        tenant = self._by_segment.get(segment.lower())
        if tenant is not None:
            return tenant
        if _is_guid(segment) or _DOMAIN.fullmatch(segment):
            raise Refusal(90002, tenant=segment)
        raise Refusal(900023, tenant=segment)

    def consent(self, tenant: Tenant, roles: dict[str, list[str]] | None = None) -> None:
        """Grant what the application asks for (or ``roles``) and take back what it no longer does."""
        granted = self.application.permissions if roles is None else roles
        tenant.service_principal = self._new_principal(tenant, granted)
        self._save(tenant)

    def set_roles(self, tenant: Tenant, roles: dict[str, list[str]]) -> None:
        """Change the roles without the time of consent. LookupError when the tenant never consented."""
        if tenant.service_principal is None:
            raise LookupError(f"{tenant.name} has no service principal: consent first")
        tenant.service_principal.roles = roles
        self._save(tenant)

    def revoke(self, tenant: Tenant) -> None:
        """Remove the application from the tenant."""
        tenant.service_principal = None
        self._save(tenant)

    def consent_everywhere(self) -> None:
        """Consent in every customer tenant."""
        with self._store.transaction():
            for tenant in self.tenants:
                self.consent(tenant)

    def change_tenant(self, tenant: Tenant, changes: dict[str, Any]) -> None:
        """Set some of the tenant's settings."""
        tenant.settings = TenantSettings(**{**asdict(tenant.settings), **changes})
        self._save(tenant)

    def change_application(self, changes: dict[str, Any]) -> None:
        """Set some of the application's settings."""
        self.application = Application(**{**asdict(self.application), **changes})
        self._store.put("application", "settings", asdict(self.application))

    def missing_service(self, tenant: Tenant, resource: Resource) -> bool:
        """Whether the tenant has no service principal of the API. Only Defender can be missing."""
        return resource is XDR and not tenant.settings.service_present

    def _new_principal(self, tenant: Tenant, roles: dict[str, list[str]]) -> ServicePrincipal:
        copied = {resource: list(names) for resource, names in roles.items()}
        return ServicePrincipal(derive_id("principal", tenant.tenant_id), copied, time.time())

    def _save(self, tenant: Tenant) -> None:
        principal = tenant.service_principal
        document = {
            "settings": asdict(tenant.settings),
            "service_principal": asdict(principal) if principal else None,
        }
        self._store.put("tenant", tenant.tenant_id, document)


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
