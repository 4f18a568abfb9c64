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
from urllib.parse import urlencode, urlsplit

from defender_emulator.entra.directory import Application, Directory, Tenant
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.resources import RESOURCES, Permission, Resource, find_resource


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
    tenant: Tenant | None
    redirect_uri: str
    scope: str
    state: str | None
    for_organization: bool


def read_link(
    directory: Directory, form: Form, segment: str, query: Mapping[str, str], default_redirect: str
) -> ConsentRequest:
    """Check a consent link; one without ``redirect_uri`` leads to ``default_redirect``.

    Raises:
        Refusal: 90002 or 900023 for the tenant, 700016, 900144, 50011, 70011, 700054, or 650052.
    """
    tenant = None if segment in form.shared_segments else directory.resolve(segment)
    application = directory.application
    client_id = _required(query, "client_id")
    if client_id != application.client_id:
        raise Refusal(700016, client_id=client_id, tenant_name=tenant.name if tenant else segment)
    scope = ""
    if form is Form.ADMIN_CONSENT:
        scope = _required(query, "scope")
        _check_scope(scope)
        _required(query, "redirect_uri")
    if form is Form.AUTHORIZE and _required(query, "response_type") != "code":
        raise Refusal(700054, response_type=query["response_type"])
    redirect_uri = query.get("redirect_uri") or default_redirect
    if not _is_registered(redirect_uri, application.redirect_uri):
        raise Refusal(50011, redirect_uri=redirect_uri, client_id=client_id)
    if tenant is not None:
        check_services(directory, tenant)
    for_organization = form is not Form.AUTHORIZE or query.get("prompt") in ("consent", "admin_consent")
    return ConsentRequest(form, tenant, redirect_uri, scope, query.get("state"), for_organization)


def requested_permissions(application: Application) -> list[tuple[Resource, list[Permission]]]:
    """What the application is configured to ask for, by API."""
    return [
        (resource, [resource.permission(name) for name in application.permissions[resource.key]])
        for resource in RESOURCES
        if application.permissions.get(resource.key)
    ]


def check_services(directory: Directory, tenant: Tenant) -> None:
    """Refuse (650052) when the tenant lacks an API that the application asks for."""
    for resource, _wanted in requested_permissions(directory.application):
        if directory.missing_service(tenant, resource):
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


def cancelled_location(request: ConsentRequest, tenant: Tenant) -> str:
    """Where a refusing admin's browser goes."""
    declined = Refusal(65004).sentence
    if request.form is Form.AUTHORIZE:
        answer = {"error": "access_denied", "error_subcode": "cancel", "error_description": declined}
    elif request.form is Form.ADMIN_CONSENT:
        # The real service says admin_consent=True here too.
        answer = {"error": "consent_required", "error_description": declined}
        answer |= {"admin_consent": "True", "tenant": tenant.tenant_id}
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


def _is_registered(redirect_uri: str, registered: str) -> bool:
    """Whether the two are the same, where any port of localhost will do."""
    given, known = urlsplit(redirect_uri), urlsplit(registered)
    if known.hostname == "localhost" == given.hostname:
        return (given.scheme, given.path, given.query) == (known.scheme, known.path, known.query)
    return redirect_uri == registered
