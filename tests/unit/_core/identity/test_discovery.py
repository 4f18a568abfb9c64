# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from support.scripted_entra import KEYS, METADATA, METADATA_V1, OTHER_TENANT, TENANT, ScriptedEntra, refusal
from support.scripted_server import Answer, Request

from ansible_collections.mssp.defender.plugins.module_utils._core import clouds
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.safe import Safe
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

DOMAIN_METADATA = "/contoso.com/v2.0/.well-known/openid-configuration"


@pytest.fixture
def authority(entra: ScriptedEntra, transport: Transport) -> Authority:
    return Authority(entra.cloud(), Documents(transport))


def safe(folder: Path) -> Safe:
    return Safe(folder, ClientSecret("secret").cipher(), ".public")


def meaning_of(authority: Authority, tenant_id: str = "contoso.com") -> str:
    with pytest.raises(TenantError) as failed:
        authority.tenant_guid(tenant_id, Patience(0, 0))
    return failed.value.reason.meaning


@pytest.mark.parametrize("status", [200, 302, 400, 403, 404])
@pytest.mark.parametrize("body", ["", "<html>blocked</html>"])
def test_an_answer_that_is_not_the_authoritys_says_nothing_of_the_tenant(
    entra: ScriptedEntra, authority: Authority, status: int, body: str
) -> None:
    entra.server.script(DOMAIN_METADATA, Answer(body, status))
    with pytest.raises(TenantError) as failed:
        authority.tenant_guid("contoso.com", Patience(0, 0))
    assert failed.value.reason.state == "unreachable"


def test_a_guid_needs_no_request(entra: ScriptedEntra, authority: Authority, no_patience: Patience) -> None:
    assert authority.tenant_guid(TENANT, no_patience) == TENANT
    assert entra.server.requests == []


def test_the_guid_of_a_domain_is_found_once(entra: ScriptedEntra, authority: Authority, no_patience: Patience) -> None:
    entra.publish_domain("contoso.com", TENANT.upper())
    for _unused in range(2):
        assert authority.tenant_guid("contoso.com", no_patience) == TENANT
    assert len(entra.server.requests) == 1


def test_an_unknown_domain_is_an_unknown_tenant(entra: ScriptedEntra, authority: Authority) -> None:
    entra.server.script(DOMAIN_METADATA, refusal(90002, "invalid_tenant", 400))
    with pytest.raises(TenantError) as failed:
        authority.tenant_guid("contoso.com", Patience(0, 0))
    assert (failed.value.reason.state, failed.value.reason.code) == ("unknown_tenant", "AADSTS90002")


def test_metadata_without_a_tenant_is_refused(entra: ScriptedEntra, authority: Authority) -> None:
    entra.publish_domain("contoso.com", "common")
    assert meaning_of(authority) == "the metadata of the tenant's domain names no tenant"


@pytest.mark.parametrize("body", ["<html>", "", "[]", "null", "{}", '{"token_endpoint": 7}'])
def test_a_document_that_is_none_ends_the_tenant(entra: ScriptedEntra, authority: Authority, body: str) -> None:
    entra.server.script(DOMAIN_METADATA, Answer(body))
    assert meaning_of(authority)


def test_a_failed_fetch_is_not_remembered(entra: ScriptedEntra, authority: Authority) -> None:
    entra.server.script(DOMAIN_METADATA, Answer(status=503))
    with pytest.raises(Postponed):
        authority.tenant_guid("contoso.com", Patience(1, 0))
    entra.publish_domain("contoso.com")
    assert authority.tenant_guid("contoso.com", Patience(0, 0)) == TENANT


@pytest.mark.parametrize(("version", "path"), [("v1", METADATA_V1), ("v2", METADATA)])
def test_one_template_gives_every_tenants_metadata(
    entra: ScriptedEntra, authority: Authority, no_patience: Patience, version: str, path: str
) -> None:
    for tenant in (TENANT, OTHER_TENANT):
        metadata = authority.metadata(tenant, version, no_patience)
        assert metadata["issuer"] == entra.issuers[version].replace("{tenantid}", tenant)
        assert f"/{tenant}/oauth2/" in metadata["token_endpoint"]
        assert "common" not in metadata["token_endpoint"]
    assert [request.path for request in entra.server.requests] == [path]


def test_tenants_side_by_side_cost_one_request(entra: ScriptedEntra, transport: Transport) -> None:
    template = entra.server.next_answer(Request("GET", METADATA, {}, {}, {}))
    entra.server.requests.clear()
    entra.server.script(METADATA, replace(template, delay=0.2))
    authority = Authority(entra.cloud(), Documents(transport))
    with ThreadPoolExecutor(8) as pool:
        tenants = [f"44444444-4444-4444-8444-{number:012d}" for number in range(8)]
        found = list(pool.map(lambda tenant: authority.metadata(tenant, "v2", Patience(0, 0)), tenants))
    assert [metadata["issuer"] for metadata in found] == [f"{entra.server.url}/{tenant}/v2.0" for tenant in tenants]
    assert len(entra.server.requests) == 1


def test_an_authority_that_does_not_answer_keeps_tenants_waiting_side_by_side(entra: ScriptedEntra) -> None:
    entra.server.script(METADATA, Answer(delay=60))
    authority = Authority(entra.cloud(), Documents(Transport(entra.server.ca_path, timeout=2, connections=6)))

    def state_of(_unused: int) -> str:
        with pytest.raises(TenantError) as failed:
            authority.metadata(TENANT, "v2", Patience(0, 0))
        return failed.value.reason.state

    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(state_of, range(6))) == ["unreachable"] * 6
    assert time.monotonic() - started < 6 * 2


def test_signing_keys_come_with_the_template_of_their_issuer(
    entra: ScriptedEntra, authority: Authority, no_patience: Patience
) -> None:
    issuer, keys = authority.signing_keys(TENANT, "v2", no_patience)
    assert issuer == f"{entra.server.url}/{{tenantid}}/v2.0"
    assert [key["kid"] for key in keys] == ["first"]


def test_keys_are_refreshed_at_most_once_in_five_minutes(
    entra: ScriptedEntra, authority: Authority, no_patience: Patience
) -> None:
    authority.signing_keys(TENANT, "v2", no_patience)
    entra.server.script(KEYS, Answer({"keys": [entra.public_key("second")]}))
    assert authority.signing_keys(TENANT, "v2", no_patience)[1][0]["kid"] == "first"
    for _unused in range(3):
        assert authority.signing_keys(TENANT, "v2", no_patience, refresh=True)[1][0]["kid"] == "second"
    assert len(entra.server.requests_to(KEYS)) == 2


@pytest.mark.parametrize("body", [{}, {"issuer": "https://login/{tenantid}"}, {"jwks_uri": "https://login/keys"}])
def test_metadata_that_lacks_what_signatures_need_ends_the_tenant(
    entra: ScriptedEntra, authority: Authority, no_patience: Patience, body: dict[str, str]
) -> None:
    entra.server.script(METADATA, Answer(body))
    with pytest.raises(TenantError) as failed:
        authority.signing_keys(TENANT, "v2", no_patience)
    assert failed.value.reason.state == "error"


def test_processes_of_one_run_share_documents(
    entra: ScriptedEntra, transport: Transport, no_patience: Patience, tmp_path: Path
) -> None:
    for _unused in range(2):
        Authority(entra.cloud(), Documents(transport, safe(tmp_path))).signing_keys(TENANT, "v2", no_patience)
    assert [request.path for request in entra.server.requests] == [METADATA, KEYS]
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def age(kept: Safe, entra: ScriptedEntra, seconds: float) -> None:
    """Have the metadata been fetched so many seconds earlier."""
    key = (entra.server.url + METADATA,)
    fetched_at, document = kept.get(key)
    kept.put(key, [fetched_at - seconds, document])


def test_a_shared_document_from_the_future_is_fetched_again(
    entra: ScriptedEntra, transport: Transport, no_patience: Patience, tmp_path: Path
) -> None:
    Authority(entra.cloud(), Documents(transport, safe(tmp_path))).metadata(TENANT, "v2", no_patience)
    age(safe(tmp_path), entra, -3600)
    Authority(entra.cloud(), Documents(transport, safe(tmp_path))).metadata(TENANT, "v2", no_patience)
    assert len(entra.server.requests_to(METADATA)) == 2


def test_documents_that_somebody_else_put_there_are_not_believed(
    entra: ScriptedEntra, transport: Transport, no_patience: Patience, tmp_path: Path
) -> None:
    """Anybody can read metadata; who writes it says where the secret goes."""
    authority = Authority(entra.cloud(), Documents(transport, safe(tmp_path)))
    good = authority.metadata(TENANT, "v2", no_patience)
    (file,) = tmp_path.iterdir()
    theirs = Safe(tmp_path, ClientSecret("another secret").cipher(), ".public")
    forged = {**good, "token_endpoint": f"{entra.server.url}/evil/oauth2/v2.0/token"}
    theirs.put((entra.server.url + METADATA,), [time.time(), forged])
    assert [found.name for found in tmp_path.iterdir()] == [file.name]
    assert Authority(entra.cloud(), Documents(transport, safe(tmp_path))).metadata(TENANT, "v2", no_patience) == good
    file.write_text(json.dumps([4_000_000_000, forged]))
    assert Authority(entra.cloud(), Documents(transport, safe(tmp_path))).metadata(TENANT, "v2", no_patience) == good
    assert len(entra.server.requests_to(METADATA)) == 3


def test_a_shared_document_older_than_a_day_is_fetched_again(
    entra: ScriptedEntra, transport: Transport, no_patience: Patience, tmp_path: Path
) -> None:
    Authority(entra.cloud(), Documents(transport, safe(tmp_path))).metadata(TENANT, "v2", no_patience)
    age(safe(tmp_path), entra, 24 * 3600 + 1)
    Authority(entra.cloud(), Documents(transport, safe(tmp_path))).metadata(TENANT, "v2", no_patience)
    assert len(entra.server.requests_to(METADATA)) == 2


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff\xfe", b"null", b"[1]", b'{"a": 1, "b": 2, "c": 3}'])
def test_a_damaged_document_is_fetched_again(
    entra: ScriptedEntra, transport: Transport, no_patience: Patience, tmp_path: Path, content: bytes
) -> None:
    Authority(entra.cloud(), Documents(transport, safe(tmp_path))).metadata(TENANT, "v2", no_patience)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    found = Authority(entra.cloud(), Documents(transport, safe(tmp_path))).metadata(TENANT, "v2", no_patience)
    assert TENANT in found["token_endpoint"]
    assert len(entra.server.requests_to(METADATA)) == 2


@pytest.mark.parametrize(
    "answer",
    [refusal(90002, "invalid_tenant", 400), Answer(status=404), Answer("<html>", 403), Answer({"error": "x"}, 400)],
    ids=["unknown tenant", "not found", "page", "error"],
)
def test_where_only_the_template_is_refused_each_tenants_own_metadata_is_taken(
    entra: ScriptedEntra, authority: Authority, no_patience: Patience, answer: Answer
) -> None:
    entra.server.script(METADATA, answer)
    entra.publish_domain(TENANT)
    for _unused in range(2):
        assert f"/{TENANT}/oauth2/" in authority.metadata(TENANT, "v2", no_patience)["token_endpoint"]
    assert authority.signing_keys(TENANT, "v2", no_patience)[1][0]["kid"] == "first"
    assert len(entra.server.requests_to(METADATA)) == 1
    with pytest.raises(TenantError):
        authority.metadata(OTHER_TENANT, "v2", no_patience)


def test_a_template_that_cannot_be_had_makes_no_tenant_unknown(entra: ScriptedEntra, authority: Authority) -> None:
    entra.server.script(METADATA, Answer(status=500))
    entra.publish_domain(TENANT)
    with pytest.raises(TenantError) as failed:
        authority.metadata(TENANT, "v2", Patience(0, 0))
    assert failed.value.reason.state == "unreachable"


@pytest.mark.parametrize(
    "host", ["https://login.microsoftonline.com", "https://127.0.0.1:1", "http://elsewhere.example"]
)
@pytest.mark.parametrize("prefix", ["", "/entra"])
def test_whatever_host_the_metadata_names_the_authority_that_was_given_is_asked(
    entra: ScriptedEntra, transport: Transport, no_patience: Patience, host: str, prefix: str
) -> None:
    """As behind a reverse proxy, which passes Microsoft's own addresses on."""
    at = entra.server.url + prefix
    metadata = {
        "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
        "authorization_endpoint": f"{host}/common/oauth2/v2.0/authorize",
        "token_endpoint": f"{host}/common/oauth2/v2.0/token",
        "jwks_uri": f"{host}/common/discovery/v2.0/keys?brand=x",
    }
    entra.server.script(prefix + METADATA, Answer(metadata))
    entra.server.script(prefix + KEYS, Answer({"keys": [entra.public_key("first")]}))
    cloud = clouds.select("worldwide", at)
    authority = Authority(cloud, Documents(transport))
    found = authority.metadata(TENANT, "v2", no_patience)
    assert found["token_endpoint"] == f"{at}/{TENANT}/oauth2/v2.0/token"
    assert found["authorization_endpoint"] == f"{at}/{TENANT}/oauth2/v2.0/authorize"
    assert found["issuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert authority.signing_keys(TENANT, "v2", no_patience)[1][0]["kid"] == "first"
    (request,) = entra.server.requests_to(prefix + KEYS)
    assert request.query == {"brand": "x"}
