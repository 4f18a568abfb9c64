# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripted server must say to pass for Microsoft Graph's directory: applications, principals, errors."""

from __future__ import annotations

import time
from typing import Any

from support.scripted_entra import CLIENT, TENANT, ScriptedEntra
from support.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.graph import Graph
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.access import Access, Target
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.permissions import GRAPH, Api
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import TokenCache
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.tokens import TokenSource
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

GRAPH_RESOURCE = "https://graph.microsoft.com"
UNIQUE_NAME = "provider-soc"
APP_ID = "22222222-2222-4222-8222-222222222222"
OBJECT_ID = "33333333-3333-4333-8333-333333333333"
PRINCIPAL_ID = "66666666-6666-4666-8666-666666666666"
API_PRINCIPAL_ID = "77777777-7777-4777-8777-777777777777"
TENANTS_POLICY = "/v1.0/policies/defaultAppManagementPolicy"
DAY = 24 * 3600

CREATED = 201
DONE = Answer(status=204)


def applications(suffix: str = "") -> str:
    """Return the path of the application by its object id, and what lies below it."""
    return f"/v1.0/applications/{OBJECT_ID}{suffix}"


def by_key(collection: str, key: str, value: str) -> str:
    return f"/v1.0/{collection}({key}='{value}')"


def application(**changes: Any) -> dict[str, Any]:
    """Return an application as Graph sends it, but for `changes`."""
    return {
        "id": OBJECT_ID,
        "appId": APP_ID,
        "uniqueName": UNIQUE_NAME,
        "displayName": "Provider SOC",
        "publisherDomain": "provider.example",
        "signInAudience": "AzureADMultipleOrgs",
        "web": {"redirectUris": [], "redirectUriSettings": [], "homePageUrl": None},
        "requiredResourceAccess": [],
        "servicePrincipalLockConfiguration": {"isEnabled": True, "allProperties": True},
        "passwordCredentials": [],
        "keyCredentials": [],
        **changes,
    }


def principal_of(api: Api, principal_id: str = API_PRINCIPAL_ID) -> dict[str, Any]:
    """Return the service principal of an API, with its own app roles and delegated permissions."""
    return {
        "id": principal_id,
        "appId": api.app_id,
        "appRoles": [
            {"value": name, "id": role_id, "isEnabled": True, "allowedMemberTypes": ["Application"]}
            for name, role_id in api.roles.items()
        ],
        "oauth2PermissionScopes": [{"value": name} for name in api.delegated],
    }


def has_principal(entra: ScriptedEntra) -> None:
    """Let the application have its service principal at home."""
    entra.server.script(by_key("servicePrincipals", "appId", APP_ID), Answer({"id": PRINCIPAL_ID, "appId": APP_ID}))


def forbids(server: ScriptedServer, group: str, *restrictions: dict[str, str]) -> None:
    """Let the tenant's app management policy have these restrictions for applications, and the application none."""
    of_applications = {group: list(restrictions)}
    policy = {"displayName": "House rules", "isEnabled": True, "applicationRestrictions": of_applications}
    server.script(TENANTS_POLICY, Answer(policy))
    server.script(applications("/appManagementPolicies"), Answer({"value": []}))


def credential(key_id: str, name: str, starts: float, ends: float, **members: Any) -> dict[str, Any]:
    """Return an item of `passwordCredentials` or `keyCredentials` good from and to so many days from now."""
    now = time.time()
    return {
        "keyId": key_id,
        "displayName": name,
        "startDateTime": timestamps.render_seconds(now + starts * DAY),
        "endDateTime": timestamps.render_seconds(now + ends * DAY),
        **members,
    }


def refusal(status: int, code: str, message: str = "a sentence of Microsoft's.", detail: str | None = None) -> Answer:
    """Return an error in the shape of Graph's, with one item of `details` where its code is given."""
    error = {"code": code, "message": message, "innerError": {"request-id": "7c9e6679"}}
    return Answer({"error": error | ({"details": [{"code": detail, "target": "appId"}]} if detail else {})}, status)


NOT_FOUND = refusal(404, "Request_ResourceNotFound", "Resource 'x' does not exist.")
NOT_BACKED = refusal(400, "Request_BadRequest", "The appId does not exist.", "NoBackingApplicationObject")
COLLISION = refusal(409, "Directory_ConcurrencyViolation", "Two writers met.")
DENIED = refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def graph_token(entra: ScriptedEntra) -> str:
    return entra.token(aud=GRAPH_RESOURCE, roles=[])


def graph_at(entra: ScriptedEntra, settle_seconds: float = 300, patience: Patience | None = None) -> Graph:
    """Return Graph as the application CLIENT of the TENANT reaches it at the scripted server."""
    transport = Transport(entra.server.ca_path, timeout=5)
    secret = ClientSecret("canary-secret")
    authority = Authority(entra.cloud(), Documents(transport))
    source = TokenSource(CLIENT, secret, authority, transport, TokenCache(None, secret.cipher()))
    patience = patience or Patience(retries=1, max_wait=300)
    access = Access(source, TENANT, Target(GRAPH_RESOURCE, GRAPH.app_id), [], patience)
    return Graph(entra.server.url, transport, access, patience, CLIENT, settle_seconds)
