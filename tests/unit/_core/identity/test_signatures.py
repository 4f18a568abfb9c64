# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support.scripted_entra import KEYS, KEYS_V1, OTHER_TENANT, RESOURCE, TENANT, ScriptedEntra
from support.scripted_server import Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import claims, signatures
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

AUDIENCES = claims.audiences(RESOURCE, None)


@pytest.fixture
def authority(entra: ScriptedEntra, transport: Transport) -> Authority:
    return Authority(entra.cloud(), Documents(transport))


DEEP = '{"alg": "RS256", "a": ' + "[" * 200_000


def verify(token: str, authority: Authority, may_be_opaque: bool = False) -> str:
    return signatures.verify(token, claims.read(token), AUDIENCES, authority, Patience(0, 0), may_be_opaque)


def distrust(token: str, authority: Authority) -> str:
    with pytest.raises(TenantError) as failed:
        verify(token, authority)
    assert failed.value.reason.state == "error"
    assert failed.value.reason.meaning.startswith("the token cannot be trusted: ")
    return failed.value.reason.meaning


def test_a_token_signed_by_a_published_key_is_verified(entra: ScriptedEntra, authority: Authority) -> None:
    assert verify(entra.token(), authority) == "verified"
    assert len(entra.server.requests_to(KEYS)) == 1


def test_a_v1_token_is_verified_against_the_v1_keys(entra: ScriptedEntra, authority: Authority) -> None:
    token = entra.token(ver="1.0", iss=entra.issuers["v1"].replace("{tenantid}", TENANT))
    assert verify(token, authority) == "verified"
    assert len(entra.server.requests_to(KEYS_V1)) == 1
    assert entra.server.requests_to(KEYS) == []


def test_the_issuer_template_of_a_key_is_filled_with_the_tenant(entra: ScriptedEntra, authority: Authority) -> None:
    template = "https://login.example/{tenantid}/v2.0"
    entra.server.script(KEYS, Answer({"keys": [entra.public_key("first", issuer=template)]}))
    assert verify(entra.token(iss=f"https://login.example/{TENANT}/v2.0"), authority) == "verified"
    assert "its issuer is not" in distrust(entra.token(), authority)


def test_a_key_of_one_tenant_signs_for_no_other(entra: ScriptedEntra, authority: Authority) -> None:
    own = f"{entra.server.url}/{OTHER_TENANT}/v2.0"
    entra.server.script(KEYS, Answer({"keys": [entra.public_key("first", issuer=own)]}))
    assert verify(entra.token(tid=OTHER_TENANT), authority) == "verified"
    assert f"its issuer is not '{own}'" in distrust(entra.token(), authority)


def test_an_issuer_of_another_tenant_than_the_tid_is_refused(entra: ScriptedEntra, authority: Authority) -> None:
    token = entra.token(iss=f"{entra.server.url}/{OTHER_TENANT}/v2.0")
    assert "its issuer is not" in distrust(token, authority)


def test_a_key_rolled_over_is_fetched_at_once(entra: ScriptedEntra, authority: Authority) -> None:
    assert verify(entra.token(), authority) == "verified"
    both = [entra.public_key("first"), entra.public_key("second")]
    entra.server.script(KEYS, Answer({"keys": both}))
    assert verify(entra.token("second"), authority) == "verified"
    assert verify(entra.token("first"), authority) == "verified"
    assert len(entra.server.requests_to(KEYS)) == 2


def test_an_unknown_key_is_looked_for_once_and_refused(entra: ScriptedEntra, authority: Authority) -> None:
    for _unused in range(3):
        assert "its signing key is none of those the authority publishes" in distrust(entra.token("other"), authority)
    assert len(entra.server.requests_to(KEYS)) == 2


def test_a_signature_by_another_key_is_refused(entra: ScriptedEntra, authority: Authority) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    payload = jwt.decode(entra.token(), options={"verify_signature": False})
    forged = jwt.encode(payload, stranger, algorithm="RS256", headers={"kid": "first"})
    assert "its signature does not verify (InvalidSignatureError)" in distrust(forged, authority)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "PS256", "RS512", "ES256"])
@pytest.mark.parametrize("nonce", [{}, {"nonce": "n"}])
def test_another_algorithm_than_rs256_is_refused(
    entra: ScriptedEntra, authority: Authority, algorithm: str, nonce: dict[str, str]
) -> None:
    payload = jwt.decode(entra.token(), options={"verify_signature": False})
    keys = {
        "none": None,
        "HS256": "a secret that anybody might choose, such as the public key",
        "ES256": ec.generate_private_key(ec.SECP256R1()),
    }
    key = keys.get(algorithm, entra.private_key)
    forged = jwt.encode(payload, key, algorithm=algorithm, headers={"kid": "first", **nonce})
    with pytest.raises(TenantError, match="it is not signed as Entra ID signs, with RS256"):
        verify(forged, authority, may_be_opaque=True)


@pytest.mark.parametrize("headers", [{"crit": ["exp"]}, {"crit": []}])
def test_a_header_that_demands_to_be_understood_is_refused(
    entra: ScriptedEntra, authority: Authority, headers: dict[str, Any]
) -> None:
    head, payload, signature = entra.token().split(".")
    header = {**json.loads(base64.urlsafe_b64decode(head + "==")), **headers}
    forged = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    assert distrust(f"{forged}.{payload}.{signature}", authority)


@pytest.mark.parametrize("kid", [None, 7, "", ["first"]])
def test_a_token_that_names_no_key_is_refused(entra: ScriptedEntra, authority: Authority, kid: object) -> None:
    entra.server.script(KEYS, Answer({"keys": [entra.public_key("None"), {"kty": "RSA"}]}))
    _head, payload, signature = entra.token().split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": kid}).encode()).decode().rstrip("=")
    assert distrust(f"{header}.{payload}.{signature}", authority)


def test_a_key_that_the_token_brings_along_counts_for_nothing(entra: ScriptedEntra, authority: Authority) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    payload = jwt.decode(entra.token(), options={"verify_signature": False})
    own = {**jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True), "kid": "theirs"}
    places = {"jwk": own, "jku": f"{entra.server.url}/theirs", "x5u": f"{entra.server.url}/theirs"}
    entra.server.script("/theirs", Answer({"keys": [own]}))
    forged = jwt.encode(payload, stranger, algorithm="RS256", headers={"kid": "theirs", **places})
    assert "its signing key is none of those" in distrust(forged, authority)
    assert entra.server.requests_to("/theirs") == []


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"use": 5},
        {"alg": "RS512"},
        {"alg": ["RS256"]},
        {"issuer": 5},
        {"issuer": None},
        {"issuer": ["https://login.example/"]},
        {"kty": 5},
        {"kty": ["RSA"]},
        {"n": 5},
        {"n": "\u00e4"},
        {"e": 5},
        {"e": None},
        {"e": "AA"},
        {"d": 5},
    ],
)
def test_a_key_that_is_not_for_such_signatures_is_not_used(
    entra: ScriptedEntra, authority: Authority, members: dict[str, str]
) -> None:
    entra.server.script(KEYS, Answer({"keys": [entra.public_key("first", **members)]}))
    assert "its signing key is none of those" in distrust(entra.token(), authority)


def test_a_short_key_is_not_used(entra: ScriptedEntra, authority: Authority) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    payload = jwt.decode(entra.token(), options={"verify_signature": False})
    jwk = {**jwt.algorithms.RSAAlgorithm.to_jwk(short.public_key(), as_dict=True), "kid": "short"}
    entra.server.script(KEYS, Answer({"keys": [jwk]}))
    token = jwt.encode(payload, short, algorithm="RS256", headers={"kid": "short"})
    assert "its signing key is none of those" in distrust(token, authority)


def test_a_token_for_another_audience_is_refused(entra: ScriptedEntra, authority: Authority) -> None:
    assert "InvalidAudienceError" in distrust(entra.token(aud="https://graph.microsoft.com"), authority)


def test_an_expired_token_is_refused(entra: ScriptedEntra, authority: Authority) -> None:
    assert "ExpiredSignatureError" in distrust(entra.token(iat=1, nbf=1, exp=2), authority)


def test_a_token_over_a_hashed_nonce_is_opaque_and_never_called_verified(
    entra: ScriptedEntra, authority: Authority
) -> None:
    assert verify(entra.token(headers={"nonce": "n"}), authority, may_be_opaque=True) == "opaque"
    assert entra.server.requests == []


def test_a_nonce_excuses_no_token_but_those_of_graph(entra: ScriptedEntra, authority: Authority) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    payload = jwt.decode(entra.token(), options={"verify_signature": False})
    forged = jwt.encode(payload, stranger, algorithm="RS256", headers={"kid": "first", "nonce": "x"})
    assert "it carries a nonce, which only tokens for Microsoft Graph do" in distrust(forged, authority)


def test_a_token_that_cannot_be_read_is_not_trusted(entra: ScriptedEntra, authority: Authority) -> None:
    assert distrust("opaque", authority)
    _head, payload, signature = entra.token().split(".")
    deep = base64.urlsafe_b64encode(DEEP.encode()).decode().rstrip("=")
    token = f"{deep}.{payload}.{signature}"
    with pytest.raises(TenantError, match="it is not signed as Entra ID signs"):
        signatures.verify(token, claims.read(token), AUDIENCES, authority, Patience(0, 0))


def test_a_key_that_names_the_issuer_of_v2_tokens_signs_v1_tokens_as_well(
    entra: ScriptedEntra, authority: Authority
) -> None:
    """As Microsoft's own validator takes it."""
    for issuer in (entra.issuers["v2"], f"{entra.server.url}/{TENANT}/v2.0"):
        entra.server.script(KEYS_V1, Answer({"keys": [entra.public_key("first", issuer=issuer)]}))
        fresh = Authority(entra.cloud(), Documents(authority._documents._transport))
        assert (
            verify(entra.token(ver="1.0", iss=entra.issuers["v1"].replace("{tenantid}", TENANT)), fresh) == "verified"
        )
        assert "its issuer is not" in distrust(entra.token(ver="1.0"), fresh)


def test_a_key_of_one_tenant_signs_no_v1_token_of_another(entra: ScriptedEntra, authority: Authority) -> None:
    own = f"{entra.server.url}/{OTHER_TENANT}/v2.0"
    entra.server.script(KEYS_V1, Answer({"keys": [entra.public_key("first", issuer=own)]}))
    token = entra.token(ver="1.0", iss=entra.issuers["v1"].replace("{tenantid}", TENANT))
    assert f"its issuer is not '{own}'" in distrust(token, authority)


@pytest.mark.parametrize(
    "keys",
    [
        [{"kid": "first"}],
        [{"kid": "first", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}],
        [{"kid": "first", "kty": "RSA"}],
        [],
    ],
)
def test_damaged_keys_verify_nothing(entra: ScriptedEntra, authority: Authority, keys: object) -> None:
    entra.server.script(KEYS, Answer({"keys": keys}))
    assert distrust(entra.token(), authority)
