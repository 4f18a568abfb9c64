# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The device code flow but for its tokens: the endpoint that hands out codes, and the page to enter one.

Source: learn.microsoft.com, v2-oauth2-device-code.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator.entra import pages
from defender_emulator.entra.device_codes import DeviceCode
from defender_emulator.entra.form import read_form
from defender_emulator.entra.public_clients import find_client, wanted_scopes
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.tenants import SHARED_SEGMENTS
from defender_emulator.entra.users import User, users_of
from defender_emulator.json_text import JsonResponse
from defender_emulator.world import World, world_of


async def device_code(request: Request) -> Response:
    """``POST /{tenant}/oauth2/v2.0/devicecode``"""
    world = world_of(request)
    headers = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
    try:
        body = _issue(world, request.path_params["tenant"], await read_form(request))
    except Refusal as refusal:
        request.state.refusal = refusal.code
        return JsonResponse(refusal.body(world.base_url, str(uuid.uuid4())), refusal.status, headers)
    return JsonResponse(body, headers=headers)


async def device_login(request: Request) -> Response:
    """``/devicelogin``: enter the code, then say who signs in and whether"""
    if request.method != "POST":
        return pages.page("device_code.html", message="")
    world, form = world_of(request), await read_form(request)
    code = world.device_codes.entered(form.get("user_code", ""))
    if code is None:
        return pages.page("device_code.html", 400, message="That code didn't work. Check the code and try again.")
    if "decision" not in form:
        return pages.page(
            "device_sign_in.html", code=code, users=_users(world, code), canary=pages.make_canary(request)
        )
    if not pages.is_good_canary(form.get("canary", ""), request):
        return pages.page("notice.html", 400, title="This page is too old", lines=["Enter the code again."])
    return _decide(code, form, _users(world, code))


def _issue(world: World, segment: str, form: Mapping[str, str]) -> dict[str, str | int]:
    tenant = None if segment in SHARED_SEGMENTS else world.directory.tenants.resolve(segment)
    for name in ("client_id", "scope"):
        if not form.get(name):
            raise Refusal(900144, parameter=name)
    client = find_client(form["client_id"], tenant.name if tenant else segment)
    settings = world.directory.settings
    scopes = wanted_scopes(client, form["scope"])
    code = world.device_codes.issue(client, tenant, scopes, settings.device_code_lifetime)
    uri = f"{world.base_url}/devicelogin"
    return {
        "user_code": code.user_code,
        "device_code": code.value,
        "verification_uri": uri,
        "expires_in": settings.device_code_lifetime,
        "interval": settings.device_code_interval,
        "message": f"To sign in, use a web browser to open the page {uri} and enter the code {code.user_code} to "
        "authenticate.",
    }


def _users(world: World, code: DeviceCode) -> list[User]:
    tenants = world.directory.tenants
    return [
        user
        for tenant in ([code.tenant] if code.tenant else [tenants.home, *tenants.customers])
        for user in users_of(tenant)
    ]


def _decide(code: DeviceCode, form: Mapping[str, str], users: list[User]) -> Response:
    chosen = form.get("account", users[0].principal_name)
    user = next((user for user in users if user.principal_name == chosen), None)
    if form["decision"] != "continue" or user is None:
        code.is_declined = True
        return pages.page("notice.html", title="You did not sign in", lines=["You can close this window."])
    code.user = user
    lines = [f"You have signed in to the {code.client.name} application on your device. You can close this window."]
    return pages.page("notice.html", title=code.client.name, lines=lines)
