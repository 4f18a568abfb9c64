# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from support.scripted_entra import (
    CLIENT,
    METADATA,
    OTHER_TENANT,
    RESOURCE,
    TENANT,
    ScriptedEntra,
    refusal,
    token_path,
)
from support.scripted_server import CUT_OFF, Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import (
    Certificate,
    ClientSecret,
    Credential,
    FederatedToken,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import Token, TokenCache
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.tokens import TokenSource
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

SECRET = "canary-secret"


@pytest.fixture
def source(entra: ScriptedEntra, transport: Transport, tmp_path: Path) -> TokenSource:
    return source_with(ClientSecret(SECRET), entra, transport, tmp_path)


def source_with(credential: Credential, entra: ScriptedEntra, transport: Transport, folder: Path) -> TokenSource:
    authority = Authority(entra.cloud(), Documents(transport))
    return TokenSource(CLIENT, credential, authority, transport, TokenCache(folder, credential.cipher()))


def acquire(source: TokenSource, tenant: str = TENANT, version: str = "v2") -> Token:
    return source.acquire(tenant, RESOURCE, version, Patience(0, 0))


def reason_of(source: TokenSource) -> Any:
    with pytest.raises(TenantError) as failed:
        acquire(source)
    return failed.value.reason


def test_a_v2_request_asks_for_the_default_scope_of_the_resource(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.server.script(token_path(), entra.granting("t0k3n"))
    token = acquire(source)
    assert (token.value, token.from_cache) == ("t0k3n", False)
    assert token.expires_at == pytest.approx(time.time() + 3599, abs=30)
    (request,) = entra.server.requests_to(token_path())
    assert request.form["grant_type"] == "client_credentials"
    assert request.form["client_id"] == CLIENT
    assert request.form["client_secret"] == SECRET
    assert request.form["scope"] == f"{RESOURCE}/.default"
    assert "resource" not in request.form


def test_a_v1_request_sends_the_resource_and_no_scope(entra: ScriptedEntra, source: TokenSource) -> None:
    answer = {"token_type": "Bearer", "expires_in": "3599", "expires_on": "1388452167", "access_token": "t0k3n"}
    entra.server.script(token_path(version="v1"), Answer(answer))
    token = acquire(source, version="v1")
    assert (token.value, token.expires_at) == ("t0k3n", pytest.approx(time.time() + 3599, abs=30))
    (request,) = entra.server.requests_to(token_path(version="v1"))
    assert request.form["resource"] == RESOURCE
    assert "scope" not in request.form


def test_many_tenants_cost_one_discovery_request(entra: ScriptedEntra, source: TokenSource) -> None:
    tenants = [f"44444444-4444-4444-8444-{number:012d}" for number in range(5)]
    for tenant in tenants:
        entra.server.script(token_path(tenant), entra.granting(f"token of {tenant}"))
    assert [acquire(source, tenant).value for tenant in tenants] == [f"token of {tenant}" for tenant in tenants]
    assert [request.path for request in entra.server.requests] == [METADATA, *map(token_path, tenants)]


@pytest.mark.parametrize("status", [400, 401])
def test_a_refusal_is_not_replayed_once_consent_is_there(
    entra: ScriptedEntra, source: TokenSource, status: int
) -> None:
    entra.server.script(token_path(), refusal(700016, "unauthorized_client", status), entra.granting("t0k3n"))
    reason = reason_of(source)
    assert (reason.state, reason.code) == ("not_consented", "AADSTS700016")
    assert (reason.correlation_id, reason.trace_id) == ("correlation-1", "trace-1")
    assert acquire(source).value == "t0k3n"


def test_the_token_endpoints_throttling_is_not_replayed(entra: ScriptedEntra, source: TokenSource) -> None:
    throttled = Answer("Too Many Requests", status=429, headers={"Retry-After": "60"})
    entra.server.script(token_path(), throttled, entra.granting("t0k3n"))
    assert reason_of(source).state == "throttled"
    assert acquire(source).value == "t0k3n"


def test_a_token_is_not_remembered_behind_our_back(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.server.script(token_path(), entra.granting("old"), entra.granting("new"))
    assert [acquire(source).value for _unused in range(2)] == ["old", "new"]


def test_a_fault_of_the_service_is_postponed(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.server.script(token_path(), refusal(90033, "temporarily_unavailable", 400))
    with pytest.raises(Postponed) as postponed:
        source.acquire(TENANT, RESOURCE, "v2", Patience(retries=1, max_wait=0))
    assert postponed.value.error.reason.code == "AADSTS90033"
    assert reason_of(source).code == "AADSTS90033"


@pytest.mark.parametrize(
    ("code", "headers", "asks"),
    [(50196, {}, 300), (50196, {"Retry-After": "7"}, 7), (90055, {}, 1), (90055, {"Retry-After": "9"}, 9)],
)
def test_too_many_requests_are_waited_out_whatever_form_they_are_told_in(
    entra: ScriptedEntra, source: TokenSource, code: int, headers: dict[str, str], asks: int
) -> None:
    refused = refusal(code, "invalid_grant", 400)
    entra.server.script(token_path(), Answer(refused.body, 400, headers))
    with pytest.raises(Postponed) as postponed:
        source.acquire(TENANT, RESOURCE, "v2", Patience(0, 400))
    assert asks <= postponed.value.seconds <= asks + 1
    reason = reason_of(source)
    assert (reason.state, reason.acts, reason.code) == ("throttled", "nobody", f"AADSTS{code}")


@pytest.mark.parametrize("code", [90033, 70021])
def test_a_refusal_that_never_passes_is_repeated_so_often_and_no_more(
    entra: ScriptedEntra, source: TokenSource, code: int
) -> None:
    entra.server.script(token_path(), refusal(code, "invalid_client", 400))
    patience = Patience(2, 0)
    for _unused in range(2):
        with pytest.raises(Postponed):
            source.acquire(TENANT, RESOURCE, "v2", patience)
    with pytest.raises(TenantError) as failed:
        source.acquire(TENANT, RESOURCE, "v2", patience)
    assert failed.value.reason.code == f"AADSTS{code}"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_both_endpoints_refuse_in_the_same_words(entra: ScriptedEntra, source: TokenSource, version: str) -> None:
    entra.server.script(token_path(version=version), refusal(5000225, "invalid_grant", 400))
    with pytest.raises(TenantError) as failed:
        acquire(source, version=version)
    assert (failed.value.reason.state, failed.value.reason.final) == ("blocked", True)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer("<html>canary-page</html>"), "unreachable"),
        (Answer("<html>canary-page</html>", status=400), "unreachable"),
        (Answer("", status=403), "unreachable"),
        (Answer({"message": "canary"}, status=403), "unreachable"),
        (Answer({"error": "canary blocked"}, status=403), "unreachable"),
        (Answer("", status=302, headers={"Location": "https://login.invalid/"}), "unreachable"),
        (Answer({"access_token": "canary-token"}, fault=CUT_OFF), "unreachable"),
        (Answer([]), "unreachable"),
        (Answer([], status=400), "unreachable"),
        (Answer('"Too Many Requests"', status=400), "unreachable"),
        (Answer({}), "error"),
        (Answer({}, status=400), "unreachable"),
        (Answer({"access_token": ""}), "error"),
        (Answer({"access_token": None}), "error"),
        (Answer({"access_token": 7}), "error"),
        (Answer({"access_token": ["canary"]}), "error"),
        (Answer('"canary"'), "unreachable"),
        (Answer("7"), "unreachable"),
        (Answer("", 204), "unreachable"),
        (Answer('{"access_token": ' + "[" * 100_000), "unreachable"),
        (Answer({"error": {"code": "BadGateway", "message": "canary"}}, status=400), "error"),
    ],
)
def test_an_odd_answer_ends_the_tenant_and_leaks_nothing(
    entra: ScriptedEntra,
    source: TokenSource,
    answer: Answer,
    state: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    entra.server.script(token_path(), answer)
    with caplog.at_level(logging.WARNING):
        reason = reason_of(source)
    assert reason.state == state
    assert "canary" not in str(reason)
    assert caplog.text == ""
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(("body", "state"), [({}, "error"), ([], "unreachable"), ("<html>", "unreachable")])
def test_odd_metadata_ends_the_tenant(entra: ScriptedEntra, source: TokenSource, body: Any, state: str) -> None:
    for tenant in ("common", TENANT):
        entra.server.script(METADATA.replace("common", tenant), Answer(body))
    assert reason_of(source).state == state


def test_a_certificate_signs_an_assertion_for_each_tenants_own_endpoint(
    entra: ScriptedEntra, transport: Transport, tmp_path: Path, private_key: rsa.RSAPrivateKey, certificates: Any
) -> None:
    credential = Certificate(private_key, x509.load_pem_x509_certificate(Path(certificates[0]).read_bytes()))
    source = source_with(credential, entra, transport, tmp_path)
    for tenant in (TENANT, OTHER_TENANT):
        entra.server.script(token_path(tenant), entra.granting("t0k3n"))
        acquire(source, tenant)
        (request,) = entra.server.requests_to(token_path(tenant))
        assertion = request.form["client_assertion"]
        header = jwt.get_unverified_header(assertion)
        assert header["alg"] == "PS256"
        assert "x5t#S256" in header
        claims = jwt.decode(
            assertion,
            private_key.public_key(),
            algorithms=["PS256"],
            audience=entra.server.url + token_path(tenant),
        )
        assert (claims["iss"], claims["sub"]) == (CLIENT, CLIENT)
        assert "client_secret" not in request.form


def test_a_federated_token_is_sent_as_it_stands_in_its_file(
    entra: ScriptedEntra, transport: Transport, tmp_path: Path
) -> None:
    file = tmp_path / "federated"
    first, second = (jwt.encode({"sub": name}, "x" * 32, algorithm="HS256") for name in ("first", "second"))
    file.write_text(f"{first}\n")
    source = source_with(FederatedToken(file), entra, transport, tmp_path)
    entra.server.script(token_path(), entra.granting("t0k3n"))
    acquire(source)
    file.write_text(f"{second}\n")
    acquire(source)
    sent = [request.form["client_assertion"] for request in entra.server.requests_to(token_path())]
    assert sent == [first, second]


def test_only_what_is_kept_is_cached_and_what_is_forgotten_is_gone(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.server.script(token_path(), entra.granting("t0k3n"))
    token = acquire(source)
    assert source.cached(TENANT, RESOURCE, "v2") is None
    source.keep(TENANT, RESOURCE, "v2", token)
    kept = source.cached(TENANT, RESOURCE, "v2")
    assert kept is not None
    assert (kept.value, kept.from_cache) == ("t0k3n", True)
    assert source.cached(OTHER_TENANT, RESOURCE, "v2") is None
    assert source.cached(TENANT, RESOURCE, "v1") is None
    source.forget(TENANT, RESOURCE, "v2")
    assert source.cached(TENANT, RESOURCE, "v2") is None


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(3599, 3599), ("3599", 3599), ("3599.0", 3599), (3599.9, 3599), ("28800", 28800), (100_800, 100_800)],
)
def test_a_lifetime_is_read_in_every_form_of_a_number(
    entra: ScriptedEntra, source: TokenSource, said: Any, seconds: int
) -> None:
    entra.server.script(token_path(), Answer({"access_token": entra.token(), "expires_in": said}))
    before = time.time()
    assert before + seconds <= acquire(source).expires_at <= time.time() + seconds


@pytest.mark.parametrize("said", ["abc", None, "", -1, 0, [], {}, 1e300, "1e999", "nan", 10**400, "١٢٣٤٥٦٧"])
def test_a_lifetime_that_is_none_is_left_to_the_token_itself(
    entra: ScriptedEntra, source: TokenSource, said: Any
) -> None:
    expires = int(time.time()) + 1800
    body = {"access_token": entra.token(exp=expires), "expires_in": said}
    entra.server.script(token_path(), Answer(body))
    assert acquire(source).expires_at == expires


def test_a_token_that_does_not_tell_either_is_good_for_now_alone(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.server.script(token_path(), Answer({"access_token": "opaque", "expires_in": "abc"}))
    token = acquire(source)
    assert token.value == "opaque"
    assert not token.is_fresh()


def test_members_that_are_not_what_they_should_be_are_left_alone(entra: ScriptedEntra, source: TokenSource) -> None:
    odd = {"refresh_in": "abc", "client_info": "%%%", "id_token": 7, "scope": 5, "token_type": None, "error": None}
    entra.server.script(token_path(), Answer({"access_token": "opaque", "expires_in": 3599, **odd}))
    assert acquire(source).value == "opaque"


@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_a_byte_order_mark_before_an_answer_is_none_of_it(entra: ScriptedEntra, source: TokenSource, mark: str) -> None:
    answers = [({"access_token": "opaque", "expires_in": 3599}, 200), ({"error": "invalid_client"}, 401)]
    entra.server.script(token_path(), *(Answer(mark + json.dumps(body), status) for body, status in answers))
    assert acquire(source).value == "opaque"
    assert reason_of(source).state == "bad_credential"
