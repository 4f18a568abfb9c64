# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admin consent: what a consent link asks for, and where the browser goes with the answer.

Sources: learn.microsoft.com, v2-admin-consent, grant-admin-consent and reply-url.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlencode, urlsplit, urlunsplit

from defender_emulator.entra.applications import Application
from defender_emulator.entra.directory import Directory
from defender_emulator.entra.documents import ResourceAccess
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.resources import RESOURCES, Permission, Resource, find_resource
from defender_emulator.entra.service_principals import resources_present
from defender_emulator.entra.tenants import Tenant


class Form(Enum):
    """The three kinds of consent link."""

    ADMIN_CONSENT = "v2.0/adminconsent"
    ADMIN_CONSENT_V1 = "adminconsent"
    AUTHORIZE = "oauth2/authorize"

    @property
    def shared_segments(self) -> tuple[str, ...]:
        """Which segments may stand for "whichever tenant the admin belongs to"."""
        return ("organizations",) if self is Form.ADMIN_CONSENT else ("common", "organizations")


@dataclass(frozen=True)
class ConsentRequest:
    """One consent link, checked. ``tenant`` is None while nobody knows whose admin opened it.

    ``for_organization`` is false for an authorize link without ``prompt=consent``: it binds one user, so no
    application permission comes of it.
    """

    form: Form
    application: Application
    tenant: Tenant | None
    redirect_uri: str
    scope: str
    state: str | None
    for_organization: bool


@dataclass(frozen=True)
class RequestedPermissions:
    """What an application asks of one API: app roles, which consent grants, and delegated scopes, which it shows."""

    resource: Resource
    roles: list[Permission]
    scopes: list[Permission]


def read_link(directory: Directory, form: Form, segment: str, query: Mapping[str, str], port: int) -> ConsentRequest:
    """Check a consent link.

    One without ``redirect_uri`` leads to the first that the application registered, at ``port`` when it is of this
    machine and names none.

    Raises:
        Refusal: 90002 or 900023 for the tenant, 700016, 900144, 50011, 50194, 650059, 70011, 700054, or 65005x.
    """
    tenant = None if segment in form.shared_segments else directory.tenants.resolve(segment)
    client_id = _required(query, "client_id")
    application = directory.applications.find(client_id)
    if application is None:
        raise Refusal(700016, client_id=client_id, tenant_name=tenant.name if tenant else segment)
    scope = ""
    if form is Form.ADMIN_CONSENT:
        scope = _required(query, "scope")
        _check_scope(scope)
        _required(query, "redirect_uri")
    if form is Form.AUTHORIZE and _required(query, "response_type") != "code":
        raise Refusal(700054, response_type=query["response_type"])
    redirect_uri = query.get("redirect_uri") or _default_redirect(application, port)
    if not any(_matches(redirect_uri, registered) for registered in application.redirect_uris):
        raise Refusal(50011, redirect_uri=redirect_uri, client_id=client_id)
    if tenant is not None:
        check_tenant(application, tenant)
    elif application.is_single_tenant:
        raise Refusal(50194, client_id=client_id, app_name=application.display_name)
    for_organization = form is not Form.AUTHORIZE or query.get("prompt") in ("consent", "admin_consent")
    return ConsentRequest(form, application, tenant, redirect_uri, scope, query.get("state"), for_organization)


def requested_permissions(application: Application) -> list[RequestedPermissions]:
    """What the application is configured to ask for, by API.

    Raises:
        Refusal: 650052 for an API that nobody knows, 650053 for a permission that the API does not have.
    """
    wanted = {
        item["resourceAppId"].lower(): item["resourceAccess"] for item in application.document["requiredResourceAccess"]
    }
    unknown = set(wanted) - {resource.app_id for resource in RESOURCES}
    if unknown:
        raise Refusal(650052, resource_id=min(unknown), resource_name="unknown")
    requested = [
        RequestedPermissions(
            resource,
            _named(application, resource, resource.permissions, wanted[resource.app_id], "Role"),
            _named(application, resource, resource.scopes, wanted[resource.app_id], "Scope"),
        )
        for resource in RESOURCES
        if resource.app_id in wanted
    ]
    return [item for item in requested if item.roles or item.scopes]


def check_tenant(application: Application, tenant: Tenant) -> None:
    """Refuse a tenant that the application is not for (650059), or that lacks an API it asks for (650052)."""
    if application.is_single_tenant and application.tenant_id != tenant.tenant_id:
        raise Refusal(
            650059,
            client_id=application.client_id,
            app_name=application.display_name,
            tenant_name=tenant.name,
        )
    for wanted in requested_permissions(application):
        resource = wanted.resource
        if resource not in resources_present(tenant):
            raise Refusal(650052, resource_id=resource.app_id, resource_name=resource.name, tenant_id=tenant.tenant_id)


def granted_location(request: ConsentRequest, tenant: Tenant) -> str:
    """Where an accepting admin's browser goes."""
    if request.form is Form.AUTHORIZE:
        answer = {"code": f"0.{secrets.token_urlsafe(60)}"}
        return _location(request, {**answer, **_state(request), "session_state": str(uuid.uuid4())})
    answer = {"admin_consent": "True", "tenant": tenant.tenant_id}
    if request.form is Form.ADMIN_CONSENT:
        answer["scope"] = request.scope
    return _location(request, {**answer, **_state(request)})


def cancelled_location(request: ConsentRequest) -> str:
    """Where a refusing admin's browser goes: no answer names the tenant."""
    declined = Refusal(65004).sentence
    if request.form is Form.AUTHORIZE:
        answer = {"error": "access_denied", "error_subcode": "cancel", "error_description": declined}
    elif request.form is Form.ADMIN_CONSENT:
        # As public reports have it, where Microsoft's page says consent_required; admin_consent=True comes with both.
        answer = {"error": "access_denied", "error_description": declined}
        answer |= {"error_uri": "https://login.microsoftonline.com/error?code=65004", "admin_consent": "True"}
    else:
        answer = {"error": "permission_denied", "error_description": "The admin canceled the request"}
    return _location(request, {**answer, **_state(request)})


def _state(request: ConsentRequest) -> dict[str, str]:
    return {} if request.state is None else {"state": request.state}


def _location(request: ConsentRequest, answer: dict[str, str]) -> str:
    separator = "&" if urlsplit(request.redirect_uri).query else "?"
    return f"{request.redirect_uri}{separator}{urlencode(answer)}"


def _required(query: Mapping[str, str], name: str) -> str:
    value = query.get(name)
    if not value:
        raise Refusal(900144, parameter=name)
    return value


def _check_scope(scope: str) -> None:
    """Application permissions are static: only ``<API>/.default`` can ask for them."""
    for part in scope.split():
        if not part.endswith("/.default") or find_resource(part.removesuffix("/.default")) is None:
            raise Refusal(70011, scope=scope)


def _named(
    application: Application,
    resource: Resource,
    defined: tuple[Permission, ...],
    wanted: list[ResourceAccess],
    kind: str,
) -> list[Permission]:
    by_id = {permission.role_id: permission for permission in defined}
    named = []
    for access in wanted:
        if access["type"] == kind:
            permission = by_id.get(access["id"].lower())
            if permission is None:
                raise Refusal(
                    650053, app_name=application.display_name, permission=access["id"], resource_id=resource.app_id
                )
            named.append(permission)
    return named


def _default_redirect(application: Application, port: int) -> str:
    if not application.redirect_uris:
        return ""
    first = urlsplit(application.redirect_uris[0])
    return urlunsplit(first._replace(netloc=f"localhost:{port}") if first.netloc == "localhost" else first)


def _matches(redirect_uri: str, registered: str) -> bool:
    """Whether the two are the same, where any port of localhost will do."""
    try:
        given, known = urlsplit(redirect_uri), urlsplit(registered)
    except ValueError:
        return False
    if known.hostname == "localhost" == given.hostname:
        return (given.scheme, given.path, given.query) == (known.scheme, known.path, known.query)
    return redirect_uri == registered
