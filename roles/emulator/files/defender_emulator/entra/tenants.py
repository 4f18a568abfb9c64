# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which directories exist: the provider's own (home) and those of its customers."""

from __future__ import annotations

import re
import uuid
from dataclasses import asdict, dataclass, field

from defender_emulator.entra.refusals import Refusal
from defender_emulator.json_text import JsonObject
from defender_emulator.store import Store

NAMES = ("contoso", "fabrikam", "tailspin", "wingtip", "adatum")
SHARED_SEGMENTS = ("common", "organizations", "consumers")

_KIND = "tenant"
_NAMESPACE = uuid.UUID("6f0c4a52-6f0e-5d0b-9d1e-5b0c7d3a9e11")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)


def derive_id(*parts: str) -> str:
    """The same GUID for the same words, in every run."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


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
    """One organization's directory. ``title`` is the name it shows to people."""

    name: str
    tenant_id: str
    title: str
    settings: TenantSettings = field(default_factory=TenantSettings)

    @property
    def domain(self) -> str:
        """The tenant's verified domain."""
        return f"{self.name}.example"


class Tenants:
    """``customers`` in order, and ``home``; their settings are kept in the store."""

    def __init__(self, store: Store, count: int) -> None:
        self._store = store
        names = [*NAMES, *(f"customer-{number:04}" for number in range(len(NAMES) + 1, count + 1))]
        self.customers = [Tenant(name, derive_id("tenant", name), name.title()) for name in names[:count]]
        self.home = Tenant("northwind", derive_id("tenant", "northwind"), "Northwind Security")
        everyone = (*self.customers, self.home)
        self._by_segment = {segment: tenant for tenant in everyone for segment in (tenant.tenant_id, tenant.domain)}
        saved = store.all(_KIND)
        for tenant in everyone:
            if document := saved.get(tenant.tenant_id):
                tenant.settings = TenantSettings(**document["settings"])

    def resolve(self, segment: str) -> Tenant:
        """The tenant that the first segment of a path names.

        Raises:
            Refusal: 90002 when there is no such tenant, 900023 when it is neither a GUID nor a domain.
        """
        tenant = self._by_segment.get(segment.lower())
        if tenant is not None:
            return tenant
        if is_guid(segment) or _DOMAIN.fullmatch(segment):
            raise Refusal(90002, tenant=segment)
        raise Refusal(900023, tenant=segment)

    def change(self, tenant: Tenant, changes: JsonObject) -> None:
        """Set some of the tenant's settings."""
        tenant.settings = TenantSettings(**{**asdict(tenant.settings), **changes})
        self._store.put(_KIND, tenant.tenant_id, {"settings": asdict(tenant.settings)})


def is_guid(text: object) -> bool:
    """Whether it is a GUID in its usual form."""
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
