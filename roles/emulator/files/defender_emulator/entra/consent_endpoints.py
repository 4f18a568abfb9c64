# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The consent page: a form that works without scripts, and the page an answer lands on."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from defender_emulator.entra import pages
from defender_emulator.entra.consent import (
    ConsentRequest,
    Form,
    cancelled_location,
    check_tenant,
    granted_location,
    read_link,
    requested_permissions,
)
from defender_emulator.entra.form import read_form
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.registered_at_first import PUBLISHER
from defender_emulator.world import World, world_of


async def admin_consent_v2(request: Request) -> Response:
    """``/{tenant}/v2.0/adminconsent``"""
    return await _consent(request, Form.ADMIN_CONSENT)


async def admin_consent_v1(request: Request) -> Response:
    """``/{tenant}/adminconsent``"""
    return await _consent(request, Form.ADMIN_CONSENT_V1)


async def authorize(request: Request) -> Response:
    """``/{tenant}/oauth2/authorize`` and ``/{tenant}/oauth2/v2.0/authorize``"""
    return await _consent(request, Form.AUTHORIZE)


async def result(request: Request) -> Response:
    """A redirect URI that any application may register: shows what it was handed."""
    answer = dict(request.query_params)
    return pages.page("result.html", answer=answer, publisher=PUBLISHER)


async def _consent(request: Request, form: Form) -> Response:
    world = world_of(request)
    try:
        segment = request.path_params["tenant"]
        link = read_link(world.directory, form, segment, request.query_params, world.port)
        if request.method == "POST":
            return await _decide(request, world, link)
        permissions = requested_permissions(link.application)
    except Refusal as refusal:
        request.state.refusal = refusal.code
        return pages.refuse(refusal)
    return pages.page(
        "consent.html",
        application=link.application,
        permissions=permissions,
        link=link,
        tenants=[] if link.tenant else world.directory.tenants.customers,
        canary=pages.make_canary(request),
    )


async def _decide(request: Request, world: World, link: ConsentRequest) -> Response:
    form = await read_form(request)
    if not pages.is_good_canary(form.get("canary", ""), request):
        return pages.page("notice.html", 400, title="This page is too old", lines=["Open the consent link again."])
    tenant = link.tenant or world.directory.tenants.resolve(form.get("tenant", ""))
    if form.get("decision") != "accept":
        return RedirectResponse(cancelled_location(link), 302)
    check_tenant(link.application, tenant)
    # Without the organization's consent the application appears in the tenant, and may do nothing.
    world.directory.consent(tenant, link.application, None if link.for_organization else {})
    return RedirectResponse(granted_location(link, tenant), 302)
