# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which app roles of Microsoft Graph a directory call needs.

Source: learn.microsoft.com, permissions-reference and the page of each call.
"""

from __future__ import annotations

from defender_emulator.entra.resources import GRAPH
from defender_emulator.graph_directory.calls import Call
from defender_emulator.graph_errors import GraphError

_READ_ALL = ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All")
_OWNED_BY = "Application.ReadWrite.OwnedBy"
_WRITE_ALL = "Application.ReadWrite.All"
_ASSIGN = "AppRoleAssignment.ReadWrite.All"
_ORGANIZATION = ("Organization.Read.All", "Directory.Read.All")
_RELATIONSHIPS = "DelegatedAdminRelationship.Read.All"
_POLICIES = "Policy.Read.All"
_OTHER_TENANTS = "CrossTenantInformation.ReadBasic.All"


def may_read_applications(call: Call) -> None:
    """Applications and service principals. Who may write his own may read all of them."""
    _require_one(call, *_READ_ALL, _OWNED_BY)


def may_create_application(call: Call) -> None:
    _require_one(call, _WRITE_ALL, _OWNED_BY)


def may_write(call: Call, owners: list[str]) -> None:
    """Change or delete an application or service principal that these service principals own."""
    if _WRITE_ALL in call.caller.roles:
        return
    if _OWNED_BY not in call.caller.roles or call.caller.object_id not in owners:
        raise denied()


def may_write_all(call: Call) -> None:
    """Write what others own too, as it takes to make somebody an owner."""
    _require_one(call, _WRITE_ALL)


def may_read_assignments(call: Call) -> None:
    _require_one(call, *_READ_ALL, _ASSIGN)


def may_assign(call: Call, resource_client_id: str) -> None:
    """Grant an app role of that application. Writing all applications is enough for any API but Graph itself."""
    held = call.caller.roles
    if _ASSIGN in held and held.intersection(_READ_ALL):
        return
    if _WRITE_ALL not in held or resource_client_id == GRAPH.app_id:
        raise denied()


def may_unassign(call: Call) -> None:
    _require_one(call, _ASSIGN)


def may_read_organization(call: Call) -> None:
    _require_one(call, *_ORGANIZATION)


def may_read_policies(call: Call) -> None:
    """The app management policies."""
    _require_one(call, _POLICIES)


def may_read_relationships(call: Call) -> None:
    """A partner's customers and the delegated admin relationships with them."""
    _require_one(call, _RELATIONSHIPS)


def may_read_contracts(call: Call) -> None:
    _require_one(call, "Directory.Read.All")


def may_read_other_tenants(call: Call) -> None:
    """Name and default domain of any tenant."""
    _require_one(call, _OTHER_TENANTS)


def denied(message: str = "Insufficient privileges to complete the operation.") -> GraphError:
    """403"""
    return GraphError(403, "Authorization_RequestDenied", message)


def _require_one(call: Call, *roles: str) -> None:
    if not call.caller.roles.intersection(roles):
        raise denied()
