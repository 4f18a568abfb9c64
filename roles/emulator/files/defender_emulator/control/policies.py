# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control calls about app management policies: documents as Microsoft Graph writes them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from defender_emulator import timestamps
from defender_emulator.control.body import BadControl, check_document, read_body
from defender_emulator.entra.app_policies import AUDIENCES, KEYS, PASSWORDS, duration
from defender_emulator.json_text import JsonObject, JsonResponse
from defender_emulator.world import world_of

_ANY_POLICY = {"id": (str,), "displayName": (str,), "description": (str,), "isEnabled": (bool,)}
_DEFAULT = {**_ANY_POLICY, "applicationRestrictions": (dict,), "servicePrincipalRestrictions": (dict,)}
_OWN = {**_ANY_POLICY, "restrictions": (dict,)}
_RESTRICTIONS = {PASSWORDS: (list,), KEYS: (list,), AUDIENCES: (dict, type(None)), "applicationRestrictions": (dict,)}
_RESTRICTION = {
    "restrictionType": (str,),
    "state": (str,),
    "maxLifetime": (str, type(None)),
    "restrictForAppsCreatedAfterDateTime": (str, type(None)),
    "excludeActors": (dict, type(None)),
}


async def show(request: Request) -> Response:
    """``GET policies``: the default policy, and those of single applications by client id."""
    directory = world_of(request).directory
    policies = directory.app_policies
    return JsonResponse({"default": policies.default(directory.home), "applications": policies.all_own()})


async def put(request: Request) -> Response:
    """``PUT policies``: replace the default policy, or those of the applications that are named."""
    body = await read_body(request)
    check_document("the body", {"default": (dict,), "applications": (dict,)}, body)
    default, own = body.get("default"), body.get("applications", {})
    if default is not None:
        check_document("the default policy", _DEFAULT, default)
        for name in ("applicationRestrictions", "servicePrincipalRestrictions"):
            _check_restrictions(default.get(name, {}))
    for policy in own.values():
        if not isinstance(policy, dict) or "restrictions" not in policy:
            raise BadControl("the policy of an application must have restrictions")
        check_document("the policy of an application", _OWN, policy)
        _check_restrictions(policy["restrictions"])
    policies = world_of(request).directory.app_policies
    if default is not None:
        policies.set_default(default)
    for client_id, policy in own.items():
        policies.set_own(client_id, policy)
    return await show(request)


async def clear(request: Request) -> Response:
    """``DELETE policies``"""
    world_of(request).directory.app_policies.clear()
    return Response(status_code=204)


def _check_restrictions(restrictions: JsonObject) -> None:
    check_document("restrictions", _RESTRICTIONS, restrictions)
    listed = [*restrictions.get(PASSWORDS, []), *restrictions.get(KEYS, [])]
    if not all(isinstance(one, dict) and "restrictionType" in one for one in listed):
        raise BadControl("each restriction must be an object with a restrictionType")
    inner = restrictions.get("applicationRestrictions", {})
    audiences = [*_members(restrictions.get(AUDIENCES)), *_members(inner.get(AUDIENCES))]
    for one in [*listed, *audiences]:
        _check_restriction(one)


def _members(audiences: object) -> list[object]:
    if audiences is not None and not isinstance(audiences, dict):
        raise BadControl("audiences must be an object")
    return list(audiences.values()) if isinstance(audiences, dict) else []


def _check_restriction(restriction: object) -> None:
    if not isinstance(restriction, dict):
        raise BadControl("a restriction must be an object")
    check_document("a restriction", _RESTRICTION, restriction)
    if restriction.get("state", "enabled") not in ("enabled", "disabled"):
        raise BadControl("state must be enabled or disabled")
    try:
        if (longest := restriction.get("maxLifetime")) is not None:
            duration(longest)
        if (since := restriction.get("restrictForAppsCreatedAfterDateTime")) is not None:
            timestamps.read(since)
    except ValueError as error:
        raise BadControl(str(error)) from None
