# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of one tenant: applications, their credentials, service principals and what they are granted.

Objects are Graph's own JSON. Every method raises TenantError. Sources: learn.microsoft.com, "application resource
type", "Upsert application", "Grant an appRoleAssignment for a service principal", "application: addPassword".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..graph import Call, Graph
from ..identity import refusals
from ..wire.http import Reply
from ..wire.paths import segment

_OWNED = "Application.ReadWrite.OwnedBy"
_READ = "Application.Read.All"
_GRANT = "AppRoleAssignment.ReadWrite.All"
_PRINCIPAL_FIELDS = "id,appId,displayName,appOwnerOrganizationId,appRoles,oauth2PermissionScopes"


class Directory:
    """Reads and writes the directory through `graph`."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def application(self, key: str, value: str, settle: bool = False) -> dict[str, Any] | None:
        """Return the application whose `id`, `appId` or `uniqueName` (the key) has this value, or None.

        With `settle` it is known to exist and waited for.
        """
        return self._graph.read(_by_key("applications", key, value), Call("read the application", _READ), settle)

    def create_application(self, unique_name: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Create the application under its unique name and return it.

        None where another run was faster: Graph has then updated what that one made.
        """
        path = _by_key("applications", "uniqueName", unique_name)
        call = Call("create the application", _OWNED)
        reply = self._graph.send("PATCH", path, call, body, prefer="create-if-missing", settle=False)
        return reply.json() if reply.status == 201 else None

    def update_application(self, object_id: str, changes: Mapping[str, Any], purpose: str) -> None:
        """Change some properties; each collection named is replaced as a whole."""
        self._graph.send("PATCH", f"applications/{segment(object_id)}", Call(purpose, _OWNED), changes)

    def delete_application(self, object_id: str) -> None:
        """Delete an application, and with it its service principal in this tenant. Fine when it is gone."""
        self._delete(f"applications/{segment(object_id)}", Call("delete the application", _OWNED))

    def service_principal(self, app_id: str, settle: bool = False) -> dict[str, Any] | None:
        """Return an application's service principal in this tenant, its own app roles included, or None.

        With `settle` it is known to exist and waited for.
        """
        path = f"{_by_key('servicePrincipals', 'appId', app_id)}?$select={_PRINCIPAL_FIELDS}"
        return self._graph.read(path, Call("read the service principal", _READ), settle)

    def create_service_principal(self, app_id: str) -> dict[str, Any]:
        """Return the application's service principal, made now unless another run was faster."""
        call = Call("create the service principal", _OWNED)
        reply = self._graph.send("POST", "servicePrincipals", call, {"appId": app_id}, accept=(400, 409))
        if reply.status == 201:
            return reply.json()
        found = self.service_principal(app_id, settle=reply.status == 409)
        if found is None:
            raise self._graph.refused(reply, call)
        return found

    def assignments(self, principal_id: str) -> list[dict[str, Any]]:
        """Return the app roles that a service principal is granted: `id`, `appRoleId`, `resourceId`."""
        path = f"servicePrincipals/{segment(principal_id)}/appRoleAssignments"
        return list(self._graph.pages(path, Call("read what is granted", _READ)))

    def assign(self, principal_id: str, resource_id: str, role_id: str) -> None:
        """Grant an app role of the resource's service principal. Fine when it is granted already."""
        body = {"principalId": principal_id, "resourceId": resource_id, "appRoleId": role_id}
        call = Call("grant an app role", _GRANT)
        path = f"servicePrincipals/{segment(resource_id)}/appRoleAssignedTo"
        reply = self._graph.send("POST", path, call, body, accept=(400, 409))
        if reply.status in (400, 409) and not self._is_assigned(reply, body):
            raise self._graph.refused(reply, call)

    def unassign(self, resource_id: str, assignment_id: str) -> None:
        """Take a grant back. Fine when it is gone."""
        path = f"servicePrincipals/{segment(resource_id)}/appRoleAssignedTo/{segment(assignment_id)}"
        self._delete(path, Call("take a grant back", _GRANT))

    def add_password(self, object_id: str, name: str, ends_at: str) -> dict[str, Any]:
        """Return a new client secret: `keyId`, its two dates, and `secretText`, which is shown only here."""
        body = {"passwordCredential": {"displayName": name, "endDateTime": ends_at}}
        call = Call("add a secret", _OWNED)
        return self._graph.send("POST", f"applications/{segment(object_id)}/addPassword", call, body).json()

    def remove_password(self, object_id: str, key_id: str) -> None:
        """Remove a client secret. Fine when it is gone."""
        call = Call("remove a secret", _OWNED)
        path = f"applications/{segment(object_id)}/removePassword"
        reply = self._graph.send("POST", path, call, {"keyId": key_id}, accept=(400, 404), settle=False)
        if reply.status in (400, 404):
            application = self.application("id", object_id) or {}
            if any(secret["keyId"] == key_id for secret in application.get("passwordCredentials") or []):
                raise self._graph.refused(reply, call)

    def key_credentials(self, object_id: str) -> list[dict[str, Any]]:
        """Return the certificates with their public parts, which Graph sends only when asked for them by name."""
        path = f"applications/{segment(object_id)}?$select=id,keyCredentials"
        found = self._graph.read(path, Call("read the certificates", _READ), settle=True) or {}
        return list(found.get("keyCredentials") or [])

    def federated_credentials(self, object_id: str) -> list[dict[str, Any]]:
        """Return the federated identity credentials."""
        return list(self._graph.pages(_federated(object_id), Call("read the federated credentials", _READ)))

    def create_federated_credential(self, object_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add a federated identity credential and return it."""
        return self._graph.send("POST", _federated(object_id), Call("add a federated credential", _OWNED), body).json()

    def update_federated_credential(self, object_id: str, credential_id: str, changes: Mapping[str, Any]) -> None:
        """Change a federated identity credential."""
        path = f"{_federated(object_id)}/{segment(credential_id)}"
        self._graph.send("PATCH", path, Call("change a federated credential", _OWNED), changes)

    def delete_federated_credential(self, object_id: str, credential_id: str) -> None:
        """Remove a federated identity credential. Fine when it is gone."""
        self._delete(f"{_federated(object_id)}/{segment(credential_id)}", Call("remove a federated credential", _OWNED))

    def _is_assigned(self, reply: Reply, grant: Mapping[str, str]) -> bool:
        """Tell whether a refused grant is there already, by the sentence, since the code varies, or by the list."""
        return "already exist" in str(refusals.error_of(reply.json_or_none()).get("message")) or any(
            (granted["resourceId"], granted["appRoleId"]) == (grant["resourceId"], grant["appRoleId"])
            for granted in self.assignments(grant["principalId"])
        )

    def _delete(self, path: str, call: Call) -> None:
        self._graph.send("DELETE", path, call, accept=(404,), settle=False)


def _federated(object_id: str) -> str:
    return f"applications/{segment(object_id)}/federatedIdentityCredentials"


def _by_key(collection: str, key: str, value: str) -> str:
    """Address an object by its id or an alternate key; a quote in the value is doubled, as OData wants it."""
    if key == "id":
        return f"{collection}/{segment(value)}"
    doubled = value.replace("'", "''")
    return f"{collection}({key}='{quote(doubled, safe='')}')"
