# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's own programs that people sign in with. No tenant registers them, and they have no credential.

Sources: AzureCLI's and the Graph command line tools' public sources, for their ids; the scopes of the Azure CLI as seen
in its tokens in public issues (Azure/azure-cli #33062, #26471).
"""

from __future__ import annotations

from dataclasses import dataclass

from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.resources import GRAPH, find_resource

_OPENID_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_DEFAULT = ".default"


@dataclass(frozen=True)
class PublicClient:
    """``scopes`` of Microsoft Graph it has without anybody's consent; ``asks`` for others, which a person grants."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    asks: bool


@dataclass(frozen=True)
class WantedScopes:
    """``audience`` is Microsoft Graph as the client wrote it, ``names`` what a token for it gets in ``scp``."""

    audience: str
    names: tuple[str, ...]
    refreshable: bool


_CLIENTS = (
    PublicClient(
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
        "Microsoft Azure CLI",
        (
            "Application.ReadWrite.All",
            "AppRoleAssignment.ReadWrite.All",
            "AuditLog.Read.All",
            "DelegatedPermissionGrant.ReadWrite.All",
            "Directory.AccessAsUser.All",
            "Group.ReadWrite.All",
            "User.Read.All",
            "User.ReadWrite.All",
        ),
        asks=False,
    ),
    PublicClient(
        "14d82eec-204b-4c2f-b7e8-296a70dab67e", "Microsoft Graph Command Line Tools", ("User.Read",), asks=True
    ),
)


def find_client(client_id: str, tenant_name: str) -> PublicClient:
    """The program of that client id.

    Raises:
        Refusal: 700016, it is none of these.
    """
    for client in _CLIENTS:
        if client.client_id == client_id.lower():
            return client
    raise Refusal(700016, client_id=client_id, tenant_name=tenant_name)


def wanted_scopes(client: PublicClient, scope: str) -> WantedScopes:
    """What a token for the client gets of the scopes asked for: they name Microsoft Graph, or nothing (the same).

    Raises:
        Refusal: 70011 for another API, 65002 for what the client may not ask for, 650053 for what Graph does not have.
    """
    asked = [part for part in scope.split() if part not in _OPENID_SCOPES]
    audiences, names = [], []
    for part in asked:
        audience, _slash, name = part.rpartition("/")
        audiences.append(audience or GRAPH.audiences[0])
        names.append(name)
    if any(find_resource(audience) is not GRAPH for audience in audiences):
        raise Refusal(70011, scope=scope)
    wanted = [name for name in names if name != _DEFAULT]
    for name in wanted:
        _check(client, name)
    granted = (*wanted, *client.scopes) if _DEFAULT in names or not client.asks else wanted
    audience = audiences[0] if audiences else GRAPH.audiences[0]
    return WantedScopes(audience, tuple(dict.fromkeys(granted)), "offline_access" in scope.split())


def _check(client: PublicClient, name: str) -> None:
    if name in client.scopes:
        return
    if not client.asks:
        raise Refusal(65002, client_id=client.client_id, app_name=client.name, resource_id=GRAPH.app_id)
    if all(name != known.name for known in GRAPH.scopes):
        raise Refusal(650053, app_name=client.name, permission=name, resource_id=GRAPH.app_id)
