# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of one tenant: applications, their credentials, service principals and what they are granted.

Objects are Graph's own JSON, taken to be what Microsoft documents. Every method raises TenantError. Sources:
learn.microsoft.com, "application resource type", "Upsert application", "Grant an appRoleAssignment for a service
principal", "application: addPassword".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast
from urllib.parse import quote

from ..graph import Call, Graph
from ..identity import refusals
from ..identity.permissions import ServicePrincipal
from ..wire.http import Reply
from ..wire.paths import segment
from ..wire.records import JsonObject
from .app_policies import AppPolicies, Policy

_OWNED = "Application.ReadWrite.OwnedBy"
_READ = "Application.Read.All"
_WRITE = "Application.ReadWrite.All"
_GRANT = "AppRoleAssignment.ReadWrite.All"
_PRINCIPAL_FIELDS = "id,appId,displayName,appOwnerOrganizationId,appRoles,oauth2PermissionScopes"


class ResourceAccess(TypedDict, total=False):
    """A permission that is asked for: `type` is `Role` for an app role, `Scope` for a delegated one."""

    id: str
    type: str


class RequiredAccess(TypedDict, total=False):
    """What is asked for of one API."""

    resourceAppId: str
    resourceAccess: list[ResourceAccess]


class Web(TypedDict, total=False):
    """What an application is to browsers."""

    redirectUris: list[str]
    redirectUriSettings: list[object]


class PasswordCredential(TypedDict, total=False):
    """A client secret, without the secret itself."""

    keyId: str
    displayName: str | None
    startDateTime: str
    endDateTime: str


class AddedPassword(PasswordCredential):
    """The answer that adds a client secret, the only one that has it."""

    secretText: str


class KeyCredential(TypedDict, total=False):
    """A certificate; `key` is base64 of its DER form."""

    keyId: str
    displayName: str | None
    startDateTime: str
    endDateTime: str
    key: str | None
    type: str
    usage: str


class FederatedIdentityCredential(TypedDict, total=False):
    """Whose tokens an application may show in place of a secret."""

    id: str
    name: str
    issuer: str
    subject: str
    audiences: list[str]
    description: str | None


class PropertyLock(TypedDict, total=False):
    """What nobody may change of the application's service principals, in any tenant."""

    isEnabled: bool | None
    allProperties: bool | None
    credentialsWithUsageVerify: bool | None
    credentialsWithUsageSign: bool | None
    tokenEncryptionKeyId: bool | None


class VerifiedPublisher(TypedDict, total=False):
    """The publisher that Microsoft has verified; null members where it has not."""

    displayName: str | None


class Application(TypedDict, total=False):
    """A registration, or those of its properties that are sent."""

    id: str
    appId: str
    uniqueName: str | None
    displayName: str
    createdDateTime: str | None
    notes: str | None
    publisherDomain: str | None
    verifiedPublisher: VerifiedPublisher | None
    signInAudience: str
    web: Web | None
    spa: Web | None
    publicClient: Web | None
    requiredResourceAccess: list[RequiredAccess]
    servicePrincipalLockConfiguration: PropertyLock | None
    passwordCredentials: list[PasswordCredential]
    keyCredentials: list[KeyCredential]


class OwnPrincipal(TypedDict, total=False):
    """The service principal of an application, with the credentials that were added to it alone."""

    id: str
    replyUrls: list[str]
    passwordCredentials: list[PasswordCredential]
    keyCredentials: list[KeyCredential]


class Assignment(TypedDict):
    """An app role that a service principal is granted; `resourceId` is the service principal of the API."""

    id: str
    appRoleId: str
    resourceId: str


class Directory:
    """Reads and writes the directory through `graph`."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def application(self, key: str, value: str, settle: bool = False) -> Application | None:
        """Return the application whose `id`, `appId` or `uniqueName` (the key) has this value, or None.

        With `settle` it is known to exist and waited for.
        """
        found = self._graph.read(_by_key("applications", key, value), Call("read the application", _READ), settle)
        return cast("Application | None", found)

    def create_application(self, unique_name: str, body: Application) -> Application | None:
        """Create the application under its unique name and return it.

        None where another run was faster: Graph has then updated what that one made.
        """
        path = _by_key("applications", "uniqueName", unique_name)
        call = Call("create the application", _OWNED)
        reply = self._graph.send("PATCH", path, call, body, prefer="create-if-missing", settle=False)
        return cast("Application", reply.json()) if reply.status == 201 else None

    def update_application(self, object_id: str, changes: Application, purpose: str) -> None:
        """Change some properties; each collection named is replaced as a whole."""
        self._graph.change(f"applications/{segment(object_id)}", Call(purpose, _OWNED), changes)

    def delete_application(self, object_id: str) -> None:
        """Delete an application, and with it its service principal in this tenant. Fine when it is gone."""
        self._delete(f"applications/{segment(object_id)}", Call("delete the application", _OWNED))

    def owners(self, object_id: str, settle: bool = True) -> list[str]:
        """Return the object ids of an application's owners; with `settle` one that was just made is waited for."""
        path = f"applications/{segment(object_id)}/owners?$select=id"
        return [str(owner.get("id")) for owner in self._graph.pages(path, Call("read the owners", _READ), settle)]

    def add_owner(self, object_id: str, principal_id: str) -> None:
        """Make a service principal an owner of an application. Fine when it is one already."""
        path = f"applications/{segment(object_id)}/owners/$ref"
        body = {"@odata.id": self._graph.address(f"directoryObjects/{segment(principal_id)}")}
        reply = self._graph.send("POST", path, Call("add an owner", _WRITE), body, accept=(400,))
        if reply.status == 400 and principal_id not in self.owners(object_id):
            raise self._graph.refused(reply, Call("add an owner", _WRITE))

    def service_principal(self, app_id: str, settle: bool = False) -> ServicePrincipal | None:
        """Return an application's service principal in this tenant, its own app roles included, or None.

        With `settle` it is known to exist and waited for.
        """
        path = f"{_by_key('servicePrincipals', 'appId', app_id)}?$select={_PRINCIPAL_FIELDS}"
        found = self._graph.read(path, Call("read the service principal", _READ), settle)
        return cast("ServicePrincipal | None", found)

    def whole_service_principal(self, app_id: str) -> OwnPrincipal | None:
        """Return an application's service principal in this tenant with its credentials, or None.

        Without `$select`: to name certificates in it would bring the certificates too, and a throttle of their own.
        """
        path = _by_key("servicePrincipals", "appId", app_id)
        return cast("OwnPrincipal | None", self._graph.read(path, Call("read the service principal", _READ)))

    def create_service_principal(self, app_id: str) -> OwnPrincipal:
        """Return the application's service principal, made now unless another run was faster."""
        call = Call("create the service principal", _OWNED)
        reply = self._graph.send("POST", "servicePrincipals", call, {"appId": app_id}, accept=(400, 409))
        if reply.status == 201:
            return cast("OwnPrincipal", reply.json())
        found = self.service_principal(app_id, settle=reply.status == 409)
        if found is None:
            raise self._graph.refused(reply, call)
        return cast("OwnPrincipal", found)

    def app_policies(self, application: Application | None) -> AppPolicies:
        """Return the app management policies for an application, or for a new one (None).

        There are none where the caller may not read them, and the service's own refusals are all there is.
        """
        found = self._policy("policies/defaultAppManagementPolicy")
        default: Policy | None = None if found is None else cast("Policy", found)
        if application is None or default is None:
            return AppPolicies(default)
        listed = self._policy(f"applications/{segment(application['id'])}/appManagementPolicies")
        if listed is None:
            # one of its own may allow what the tenant's policy forbids
            return AppPolicies(None)
        own = next(iter(listed.get("value") or []), None)
        return AppPolicies(default, own, application.get("createdDateTime"))

    def assignments(self, principal_id: str) -> list[Assignment]:
        """Return the app roles that a service principal is granted."""
        path = f"servicePrincipals/{segment(principal_id)}/appRoleAssignments"
        return [cast("Assignment", found) for found in self._graph.pages(path, Call("read what is granted", _READ))]

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

    def add_password(self, object_id: str, name: str, ends_at: str) -> AddedPassword:
        """Return a new client secret."""
        body = {"passwordCredential": {"displayName": name, "endDateTime": ends_at}}
        call = Call("add a secret", _OWNED)
        reply = self._graph.send("POST", f"applications/{segment(object_id)}/addPassword", call, body)
        return cast("AddedPassword", reply.json())

    def remove_password(self, object_id: str, key_id: str) -> None:
        """Remove a client secret. Fine when it is gone."""
        call = Call("remove a secret", _OWNED)
        path = f"applications/{segment(object_id)}/removePassword"
        reply = self._graph.send("POST", path, call, {"keyId": key_id}, accept=(400, 404), settle=False)
        if reply.status in (400, 404):
            application = self.application("id", object_id)
            secrets = application.get("passwordCredentials") if application else None
            if any(secret["keyId"] == key_id for secret in secrets or []):
                raise self._graph.refused(reply, call)

    def key_credentials(self, object_id: str) -> list[KeyCredential]:
        """Return the certificates with their public parts, which Graph sends only when asked for them by name."""
        path = f"applications/{segment(object_id)}?$select=id,keyCredentials"
        found = self._graph.read(path, Call("read the certificates", _READ), settle=True) or {}
        return list(found.get("keyCredentials") or [])

    def federated_credentials(self, object_id: str) -> list[FederatedIdentityCredential]:
        """Return the federated identity credentials."""
        found = self._graph.pages(_federated(object_id), Call("read the federated credentials", _READ))
        return [cast("FederatedIdentityCredential", credential) for credential in found]

    def create_federated_credential(
        self, object_id: str, body: FederatedIdentityCredential
    ) -> FederatedIdentityCredential:
        """Add a federated identity credential and return it."""
        reply = self._graph.send("POST", _federated(object_id), Call("add a federated credential", _OWNED), body)
        return cast("FederatedIdentityCredential", reply.json())

    def update_federated_credential(
        self, object_id: str, credential_id: str, changes: FederatedIdentityCredential
    ) -> None:
        """Change a federated identity credential."""
        path = f"{_federated(object_id)}/{segment(credential_id)}"
        self._graph.change(path, Call("change a federated credential", _OWNED), changes)

    def delete_federated_credential(self, object_id: str, credential_id: str) -> None:
        """Remove a federated identity credential. Fine when it is gone."""
        self._delete(f"{_federated(object_id)}/{segment(credential_id)}", Call("remove a federated credential", _OWNED))

    def _policy(self, path: str) -> JsonObject | None:
        """Return what lies there, or None where this tenant or cloud does not let it be read."""
        call = Call("read the app management policies", "Policy.Read.All")
        reply = self._graph.send("GET", path, call, accept=(400, 403, 404), settle=False)
        return reply.json() if reply.status == 200 else None

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
