# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a token, and who can verify it."""

from __future__ import annotations

import time
from collections.abc import Callable

import jwt
import pytest
import requests
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller, claims_of

Consent = Callable[..., None]


def _published(caller: Caller, path: str) -> dict[str, dict[str, object]]:
    return {key["kid"]: key for key in caller.get(path).json()["keys"]}


def _verify(token: str, keys: dict[str, dict[str, object]], audience: str) -> dict[str, object]:
    key = jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]]).key
    verified: dict[str, object] = jwt.decode(token, key, algorithms=["RS256"], audience=audience)
    return verified


def test_v1_answer_and_claims(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> None:
    consented()
    answer = caller.ask_token(version=1)
    body = answer.json()
    assert answer.headers["Cache-Control"].startswith("no-store")
    assert {name: type(value) for name, value in body.items()} == dict.fromkeys(
        ("token_type", "expires_in", "ext_expires_in", "expires_on", "not_before", "resource", "access_token"), str
    )
    claims = claims_of(body["access_token"])
    tenant_id = emulator.tenant_id("contoso")
    assert claims["aud"] == body["resource"] == "https://api.security.microsoft.com"
    assert claims["iss"] == f"https://sts.windows.net/{tenant_id}/"
    assert (claims["tid"], claims["appid"], claims["appidacr"]) == (tenant_id, emulator.client_id, "1")
    assert (claims["roles"], claims["ver"], claims["sub"]) == (["Incident.Read.All"], "1.0", claims["oid"])
    assert "scp" not in claims
    assert str(claims["exp"]) == body["expires_on"]
    header = jwt.get_unverified_header(body["access_token"])
    assert header["x5t"] == header["kid"]


def test_v2_answer_has_numbers_and_lasts_60_to_90_minutes(caller: Caller, consented: Consent) -> None:
    consented()
    bodies = [caller.ask_token().json() for _turn in range(8)]
    for body in bodies:
        assert set(body) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
        assert 3598 <= body["expires_in"] <= 5400
        assert abs(claims_of(body["access_token"])["exp"] - time.time() - body["expires_in"]) < 5
    assert len({body["expires_in"] for body in bodies}) > 1


def test_v2_token_when_the_api_wants_it(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> None:
    consented()
    emulator.control("PATCH", "application", {"token_version": 2, "token_lifetime": 600})
    token = caller.token()
    claims = claims_of(token)
    tenant_id = emulator.tenant_id("contoso")
    assert claims["iss"] == f"{emulator.url}/{tenant_id}/v2.0"
    assert claims["aud"] == "8ee8fdad-f234-4243-8f3b-15c294843740"
    assert (claims["azp"], claims["azpacr"], claims["ver"]) == (emulator.client_id, "1", "2.0")
    assert 590 <= claims["exp"] - time.time() <= 601
    assert caller.get("/api/incidents", token).status_code == 200
    keys = _published(caller, f"/{tenant_id}/discovery/v2.0/keys")
    assert _verify(token, keys, claims["aud"])["tid"] == tenant_id
    issuer = keys[jwt.get_unverified_header(token)["kid"]]["issuer"]
    assert issuer.replace("{tenantid}", tenant_id) == claims["iss"]


def test_pyjwt_verifies_the_signature_from_the_published_keys(
    caller: Caller, emulator: EmulatorProcess, consented: Consent
) -> None:
    consented()
    token = caller.token()
    tenant_id = emulator.tenant_id("contoso")
    keys = _published(caller, f"/{tenant_id}/discovery/keys")
    assert len(keys) >= 2
    for key in keys.values():
        assert {"kty", "use", "kid", "x5t", "n", "e", "x5c"} == set(key)
    assert _verify(token, keys, "https://api.security.microsoft.com")["tid"] == tenant_id
    head, payload, signature = token.split(".")
    forged = f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    with pytest.raises(jwt.InvalidSignatureError):
        _verify(forged, keys, "https://api.security.microsoft.com")


def test_nobody_but_graph_can_verify_a_graph_token(
    caller: Caller, emulator: EmulatorProcess, consented: Consent
) -> None:
    consented("contoso", "SecurityIncident.Read.All")
    token = caller.token(scope=GRAPH_SCOPE)
    assert "nonce" in jwt.get_unverified_header(token)
    assert claims_of(token)["roles"] == ["SecurityIncident.Read.All"]
    keys = _published(caller, f"/{emulator.tenant_id('contoso')}/discovery/keys")
    with pytest.raises(jwt.InvalidSignatureError):
        _verify(token, keys, "https://graph.microsoft.com")
    assert caller.get("/v1.0/security/incidents", token).status_code == 200
    head, payload, signature = token.split(".")
    assert caller.get("/v1.0/security/incidents", f"{head}.{payload}.{signature[::-1]}").status_code == 401


def test_roles_follow_the_grants(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> None:
    consented("contoso", "Incident.Read.All", "SecurityIncident.Read.All")
    path = f"tenants/{emulator.tenant_id('contoso')}"
    assert claims_of(caller.token())["roles"] == ["Incident.Read.All"]
    emulator.control("PUT", f"{path}/grants", {"roles": ["Incident.ReadWrite.All"]})
    assert claims_of(caller.token())["roles"] == ["Incident.ReadWrite.All"]
    assert "roles" not in claims_of(caller.token(scope=GRAPH_SCOPE))
    emulator.control("PUT", f"{path}/grants", {"roles": []})
    assert "roles" not in claims_of(caller.token())
    emulator.control("DELETE", f"{path}/consent")
    assert caller.ask_token().json()["error_codes"] == [7000229]


def test_the_audience_is_the_resource_as_written(caller: Caller, consented: Consent) -> None:
    consented()
    token = caller.token(scope="https://api.security.microsoft.com//.default")
    assert claims_of(token)["aud"] == "https://api.security.microsoft.com/"
    assert caller.get("/api/incidents", token).status_code == 200
    # The API of Defender for Endpoint has nearly the same name, and its token is worth nothing here.
    wrong = caller.token(scope="https://api.securitycenter.microsoft.com/.default")
    assert caller.get("/api/incidents", wrong).status_code == 401


def test_keys_roll_over(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> None:
    consented()
    path = "/common/discovery/keys"
    old_token, before = caller.token(), _published(caller, path)
    emulator.control("POST", "keys/rotate")
    between = _published(caller, path)
    assert set(before) < set(between)
    middle_token = caller.token()
    assert jwt.get_unverified_header(middle_token)["kid"] not in before
    assert caller.get("/api/incidents", old_token).status_code == 200
    emulator.control("POST", "keys/rotate", {"withdraw_old": True})
    after = _published(caller, path)
    assert jwt.get_unverified_header(middle_token)["kid"] not in after
    assert len(after) >= 2
    assert caller.get("/api/incidents", middle_token).status_code == 401
    assert caller.get("/api/incidents", caller.token()).status_code == 200


def test_basic_authentication(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> None:
    consented()
    answer = caller.session.post(
        f"{emulator.url}/contoso.example/oauth2/v2.0/token",
        data={"grant_type": "client_credentials", "scope": GRAPH_SCOPE},
        auth=requests.auth.HTTPBasicAuth(emulator.client_id, emulator.client_secret),
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
