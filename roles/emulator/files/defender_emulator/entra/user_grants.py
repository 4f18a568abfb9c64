# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grants by which a person's program gets tokens: a device code, and the refresh token that came with the first.

Source: learn.microsoft.com, v2-oauth2-device-code and access-token-claims-reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from defender_emulator.entra.public_clients import PublicClient, WantedScopes, find_client, wanted_scopes
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.signing_keys import encode
from defender_emulator.entra.tenants import SHARED_SEGMENTS
from defender_emulator.entra.tokens import V1_ISSUER, TokenService
from defender_emulator.entra.users import User
from defender_emulator.world import World

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_TOKEN = "refresh_token"
USER_GRANTS = (DEVICE_CODE, REFRESH_TOKEN)
_ID_TOKEN_SECONDS = 3600


def grant_to_user(world: World, segment: str, form: Mapping[str, str]) -> dict[str, str | int]:
    """The answer of the v2 token endpoint to one of ``USER_GRANTS``.

    Raises:
        Refusal: as ``DeviceCodes`` says, 900144 for what is missing, 53003 by Conditional Access, 50020 for a person of
            another tenant, 700016 for a program that nobody knows.
    """
    tenant = None if segment in SHARED_SEGMENTS else world.directory.tenants.resolve(segment)
    client = find_client(_required(form, "client_id"), tenant.name if tenant else segment)
    if form["grant_type"] == DEVICE_CODE:
        # MSAL sends it under both names
        user, scopes = world.device_codes.redeem(_required(form, "device_code"), client.client_id)
    else:
        user = world.device_codes.signed_in(_required(form, "refresh_token"), client.client_id).user
        scopes = wanted_scopes(client, _required(form, "scope"))
    if tenant is not None and user.tenant is not tenant:
        raise Refusal(50020, upn=user.principal_name, tenant_name=tenant.name, app_name=client.name)
    if user.tenant.settings.conditional_access:
        raise Refusal(53003)
    return _success(world, client, user, scopes, form)


def _success(
    world: World, client: PublicClient, user: User, scopes: WantedScopes, form: Mapping[str, str]
) -> dict[str, str | int]:
    lifetime = world.directory.settings.token_lifetime
    token = world.tokens.sign(_access_claims(client, user, scopes), 1, lifetime, with_nonce=True)
    seconds = token.expires_on - token.not_before - 300 - 1
    answer: dict[str, str | int] = {
        "token_type": "Bearer",
        "scope": " ".join(f"{scopes.audience}/{name}" for name in scopes.names),
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": token.value,
    }
    if scopes.refreshable:
        answer["refresh_token"] = world.device_codes.add_refresh_token(client, user)
        answer["id_token"] = _id_token(world.tokens, client, user)
    if form.get("client_info"):
        answer["client_info"] = encode(json.dumps({"uid": user.object_id, "utid": user.tenant.tenant_id}).encode())
    return answer


def _access_claims(client: PublicClient, user: User, scopes: WantedScopes) -> dict[str, object]:
    issuer = V1_ISSUER.replace("{tenantid}", user.tenant.tenant_id)
    return {
        "aud": scopes.audience,
        "iss": issuer,
        "idp": issuer,
        "ver": "1.0",
        "acct": 0,
        "amr": ["pwd", "mfa"],
        "app_displayname": client.name,
        "appid": client.client_id,
        "appidacr": "0",
        "idtyp": "user",
        "scp": " ".join(scopes.names),
        "unique_name": user.principal_name,
        "upn": user.principal_name,
        "wids": list(user.role_ids),
        **_person(user),
    }


def _id_token(tokens: TokenService, client: PublicClient, user: User) -> str:
    claims = {
        "aud": client.client_id,
        "iss": tokens.v2_issuer.replace("{tenantid}", user.tenant.tenant_id),
        "preferred_username": user.principal_name,
        "ver": "2.0",
        **_person(user),
    }
    return tokens.sign(claims, 2, _ID_TOKEN_SECONDS).value


def _person(user: User) -> dict[str, object]:
    return {"name": user.title, "oid": user.object_id, "sub": user.object_id, "tid": user.tenant.tenant_id}


def _required(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise Refusal(900144, parameter=name)
    return value
