# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application permissions (app roles) of the two APIs, by name.

Sources: the permission tables of learn.microsoft.com, "Microsoft Graph permissions reference" and "List incidents API";
the ids of the Microsoft Threat Protection application as its service principal publishes them.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict

from ..clouds import CLOUDS, Cloud
from ..errors import OptionError


@dataclass(frozen=True)
class Api:
    """A resource application: its short name, application id, app roles (name -> id) and the one a reader needs.

    `delegated` are permissions that act for a signed-in user, which no application of ours has.
    """

    name: str
    title: str
    app_id: str
    roles: Mapping[str, str]
    default_role: str
    delegated: tuple[str, ...]


XDR = Api(
    name="xdr",
    title="Microsoft Threat Protection",
    app_id="8ee8fdad-f234-4243-8f3b-15c294843740",
    roles={
        "Incident.Read.All": "a9790345-4595-42e4-971a-ccdc79f19b7c",
        "Incident.ReadWrite.All": "8d90f441-09cf-4fdc-ab45-e874fa3a28e8",
        "AdvancedHunting.Read.All": "7734e8e5-8dde-42fc-b5ae-6eafea078693",
        "CustomDetections.ReadWrite.All": "a7deff90-e2f5-4e4e-83a3-2c74e7002e28",
    },
    default_role="Incident.Read.All",
    delegated=("Incident.Read", "Incident.ReadWrite", "AdvancedHunting.Read", "CustomDetections.ReadWrite"),
)
GRAPH = Api(
    name="graph",
    title="Microsoft Graph",
    app_id="00000003-0000-0000-c000-000000000000",
    roles={
        "SecurityIncident.Read.All": "45cc0394-e837-488b-a098-1918f48d186c",
        "SecurityIncident.ReadWrite.All": "34bf0e97-1971-4929-b999-9e2442d941d7",
        "SecurityAlert.Read.All": "472e4a4d-bb4a-4026-98d1-0b0d74cb74a5",
        "SecurityAlert.ReadWrite.All": "ed4fca05-be46-441f-9803-1873825f8fdb",
        "ThreatHunting.Read.All": "dd98c7f5-2d42-42d3-a0e4-633161547251",
    },
    default_role="SecurityIncident.Read.All",
    delegated=("User.Read", "openid", "profile", "email", "offline_access"),
)
APIS = {api.name: api for api in (GRAPH, XDR)}
DEFAULT = GRAPH
"""The API that is meant where none is named: the one that Microsoft keeps (see `retirement`)."""


def resource_of(api: Api, cloud: Cloud) -> str:
    """Return the resource URI that tokens for this API are for. Raises OptionError where the cloud lacks the API."""
    resource = cloud.graph_resource if api is GRAPH else cloud.xdr_resource
    if resource is None:
        raise OptionError(f"cloud '{cloud.name}' has no {api.title} API: choose another cloud, or the graph API")
    return resource


def api_of(resource: str) -> Api | None:
    """Return the API that a resource URI means in whichever cloud, None for any other."""
    named = resource.rstrip("/").lower()
    graphs = {cloud.graph_resource for cloud in CLOUDS.values()} | {f"api://{GRAPH.app_id}"}
    xdrs = {cloud.xdr_resource for cloud in CLOUDS.values()} | {f"api://{XDR.app_id}"}
    return GRAPH if named in graphs else XDR if named in xdrs else None


def administrator_role(apis: Collection[str]) -> str:
    """Return the least role of an administrator who may consent to application permissions of these APIs.

    Source: learn.microsoft.com, "Grant tenant-wide admin consent to an application".
    """
    if GRAPH.name in apis:
        return "Privileged Role Administrator"
    return "Cloud Application Administrator or Application Administrator"


@dataclass(frozen=True)
class Published:
    """What an API's service principal says of its permissions: app roles (name -> id), and the delegated names."""

    roles: Mapping[str, str]
    delegated: frozenset[str]


class AppRole(TypedDict, total=False):
    """An application permission that an API defines. `allowedMemberTypes` has `Application` where one can hold it."""

    id: str
    value: str | None
    isEnabled: bool
    allowedMemberTypes: list[str]


class DelegatedPermission(TypedDict, total=False):
    """A permission of an API for signed-in users."""

    id: str
    value: str | None


class ServicePrincipal(TypedDict, total=False):
    """An application or an API as it stands in one tenant, as Microsoft Graph sends it."""

    id: str
    appId: str
    displayName: str
    appOwnerOrganizationId: str | None
    appRoles: list[AppRole]
    oauth2PermissionScopes: list[DelegatedPermission]


def published(service_principal: ServicePrincipal) -> Published:
    """Read `appRoles` and `oauth2PermissionScopes` of a service principal as Microsoft Graph sends it."""
    roles = {
        str(role["value"]): str(role["id"])
        for role in service_principal.get("appRoles") or []
        if role.get("value") and role.get("isEnabled", True) and "Application" in role.get("allowedMemberTypes", [])
    }
    scopes = service_principal.get("oauth2PermissionScopes") or []
    return Published(roles, frozenset(str(scope["value"]) for scope in scopes if scope.get("value")))


def offline(api: Api) -> Published:
    """Return what the table above knows of an API."""
    return Published(api.roles, frozenset(api.delegated))


def check_roles(api: Api, names: Iterable[str], option: str) -> list[str]:
    """Return the names in order. Raises OptionError for one the API does not have, with the nearest right name."""
    return list(resolve(api, names, option, offline(api)))


def resolve(api: Api, names: Iterable[str], option: str, known: Published) -> dict[str, str]:
    """Return the id of each named app role, in order.

    Raises OptionError for a delegated permission, and for a name the API does not have, with the nearest right one.
    """
    found = {}
    for name in names:
        if name not in known.roles:
            raise OptionError(_no_such_role(api, name, option, known))
        found[name] = known.roles[name]
    return found


def _no_such_role(api: Api, name: str, option: str, known: Published) -> str:
    nearest = difflib.get_close_matches(name, known.roles, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}" if nearest else f"it has names such as {', '.join(list(known.roles)[:4])}"
    if name in known.delegated or name in api.delegated:
        return (
            f"{option}: '{name}' is a delegated permission of {api.title}, for signed-in users, and no app role: {hint}"
        )
    return f"{option}: {api.title} has no application permission '{name}': {hint}"


def missing(required: Iterable[str], granted: Iterable[str]) -> list[str]:
    """Return the required roles that are not granted. A ReadWrite role covers its Read twin, as the APIs treat it."""
    held = set(granted)
    covered = held | {role.replace(".ReadWrite.", ".Read.") for role in held}
    return [role for role in required if role not in covered]


def excess(required: Iterable[str], granted: Iterable[str]) -> list[str]:
    """Return the granted roles that nobody required: what least privilege would take away."""
    return sorted(set(granted) - set(required))
