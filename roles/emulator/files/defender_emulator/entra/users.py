# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signs in: each tenant has an administrator, and somebody who may do nothing in its directory."""

from __future__ import annotations

from dataclasses import dataclass

from defender_emulator.entra.tenants import Tenant, derive_id

# Source: learn.microsoft.com, permissions-reference of Microsoft Entra roles.
_GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


@dataclass(frozen=True)
class User:
    """A member of a tenant. ``title`` is how a page shows the person."""

    tenant: Tenant
    name: str
    title: str
    role_ids: tuple[str, ...]

    @property
    def object_id(self) -> str:
        return derive_id("user", self.tenant.tenant_id, self.name)

    @property
    def principal_name(self) -> str:
        """The name that the person signs in with."""
        return f"{self.name}@{self.tenant.domain}"


def users_of(tenant: Tenant) -> list[User]:
    """Everybody who can sign in to the tenant, the administrator first."""
    return [
        User(tenant, "admin", f"{tenant.title} administrator", (_GLOBAL_ADMINISTRATOR,)),
        User(tenant, "analyst", f"{tenant.title} analyst, without a directory role", ()),
    ]
