# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is registered before anybody calls: the sample application, the registrar, and a stranger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from defender_emulator.entra.documents import RequiredAccess, VerifiedPublisher
from defender_emulator.entra.resources import GRAPH, XDR, Resource
from defender_emulator.entra.tenants import derive_id
from defender_emulator.json_text import JsonObject

SAMPLE_ID = derive_id("application")
SAMPLE_NAME = "Northwind SOC"
SAMPLE_XDR_ROLES = ("Incident.Read.All",)
SAMPLE_GRAPH_ROLES = ("SecurityIncident.Read.All", "SecurityAlert.Read.All", "ThreatHunting.Read.All")
SAMPLE_SECRET_ID = derive_id("application", "secret")
SAMPLE_CERTIFICATE_ID = derive_id("application", "certificate")
SAMPLE_FEDERATION_ID = derive_id("application", "federation")
REGISTRAR_ID = derive_id("registrar")
REGISTRAR_SECRET_ID = derive_id("registrar", "secret")
REGISTRAR_ROLES = ("Application.ReadWrite.OwnedBy", "Application.Read.All", "AppRoleAssignment.ReadWrite.All")
FOREIGN_ID = derive_id("foreign")
# Adatum's directory exists for this emulator only when there are five customers or more; its application always does.
FOREIGN_PUBLISHER_ID = derive_id("tenant", "adatum")
PUBLISHER = "Northwind Security"


@dataclass(frozen=True)
class Credentials:
    """What the emulator's directory holds for these applications. ``certificate`` is base64 of the DER form.

    ``secret`` and ``certificate`` are None when there is to be no sample application.
    """

    registrar_secret: str
    secret: str | None
    certificate: str | None


def required_access(permissions: Mapping[Resource, Iterable[str]]) -> list[RequiredAccess]:
    """``requiredResourceAccess`` for application permissions by name."""
    return [
        {
            "resourceAppId": resource.app_id,
            "resourceAccess": [{"id": resource.permission(name).role_id, "type": "Role"} for name in names],
        }
        for resource, names in permissions.items()
        if names
    ]


def verified_publisher(is_verified: bool) -> VerifiedPublisher:
    """The ``verifiedPublisher`` of the provider's sample application."""
    return {
        "displayName": PUBLISHER if is_verified else None,
        "verifiedPublisherId": "5206095" if is_verified else None,
        "addedDateTime": "2025-01-15T09:00:00Z" if is_verified else None,
    }


SAMPLE: JsonObject = {
    "displayName": SAMPLE_NAME,
    "signInAudience": "AzureADMultipleOrgs",
    "web": {"redirectUris": ["https://localhost/consent-result"]},
    "requiredResourceAccess": required_access({XDR: SAMPLE_XDR_ROLES, GRAPH: SAMPLE_GRAPH_ROLES}),
    "verifiedPublisher": verified_publisher(True),
}
REGISTRAR: JsonObject = {
    "displayName": "Northwind Registrar",
    "signInAudience": "AzureADMyOrg",
    "requiredResourceAccess": required_access({GRAPH: REGISTRAR_ROLES}),
}
FOREIGN: JsonObject = {"displayName": "Adatum Backup", "signInAudience": "AzureADMultipleOrgs"}
