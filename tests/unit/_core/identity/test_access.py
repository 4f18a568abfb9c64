# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from support.scripted_entra import CLIENT, OTHER_TENANT, RESOURCE, TENANT, ScriptedEntra, token_path
from support.scripted_server import Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import permissions
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.access import Access, Target
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import Token, TokenCache
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.tokens import TokenSource
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

READ = "Incident.Read.All"


@pytest.fixture
def source(entra: ScriptedEntra, transport: Transport, tmp_path: Path) -> TokenSource:
    credential = ClientSecret("secret")
    authority = Authority(entra.cloud(), Documents(transport))
    return TokenSource(CLIENT, credential, authority, transport, TokenCache(tmp_path, credential.cipher()))


def access_to(source: TokenSource, tenant_id: str = TENANT) -> Access:
    return Access(source, tenant_id, Target(RESOURCE, None), [READ], Patience(0, 0))


def acquired(entra: ScriptedEntra) -> int:
    return len(entra.server.requests_to(token_path()))


def test_a_token_with_its_roles_is_kept_for_the_next_task(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.server.script(token_path(), entra.granting(entra.token()))
    first, second = access_to(source).prove(), access_to(source).prove()
    assert (first.token.from_cache, second.token.from_cache) == (False, True)
    assert second.missing_roles == []
    assert second.claims is not None
    assert second.claims.roles == [READ]
    assert acquired(entra) == 1


def test_a_token_without_its_roles_is_never_kept(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.server.script(token_path(), entra.granting(entra.token(roles=[])), entra.granting(entra.token()))
    assert access_to(source).prove().missing_roles == [READ]
    assert source.cached(TENANT, RESOURCE, "v2") is None
    assert access_to(source).prove().missing_roles == []


def test_a_kept_token_that_lacks_a_role_newly_asked_for_is_replaced(entra: ScriptedEntra, source: TokenSource) -> None:
    source.keep(TENANT, RESOURCE, "v2", Token(entra.token(roles=["Other"]), time.time() + 3600))
    entra.server.script(token_path(), entra.granting(entra.token()))
    assert access_to(source).prove().missing_roles == []
    assert acquired(entra) == 1


def test_a_renewal_does_not_use_the_kept_token(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.server.script(token_path(), entra.granting(entra.token()))
    access_to(source).prove()
    assert access_to(source).renew().token.from_cache is False
    assert acquired(entra) == 2


def test_a_failed_renewal_leaves_no_refused_token_behind(entra: ScriptedEntra, source: TokenSource) -> None:
    source.keep(TENANT, RESOURCE, "v2", Token(entra.token(), time.time() + 3600))
    entra.server.script(token_path(), Answer(status=500))
    with pytest.raises(TenantError):
        access_to(source).renew()
    assert source.cached(TENANT, RESOURCE, "v2") is None


def test_a_domain_is_proven_by_the_guid_it_belongs_to(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.publish_domain("contoso.com")
    entra.server.script(token_path(), entra.granting(entra.token()))
    proof = access_to(source, "contoso.com").prove()
    assert proof.claims is not None
    assert proof.claims.tenant_id == TENANT


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"tid": OTHER_TENANT}, "(tid)"),
        ({"azp": OTHER_TENANT}, "(appid)"),
        ({"aud": "https://graph.microsoft.com"}, "(aud)"),
        ({"exp": 1}, "(exp)"),
    ],
)
def test_a_token_of_somebody_else_is_no_proof_and_is_not_kept(
    entra: ScriptedEntra, source: TokenSource, changes: dict[str, Any], claim: str
) -> None:
    entra.server.script(token_path(), entra.granting(entra.token(**changes)))
    with pytest.raises(TenantError) as failed:
        access_to(source).prove()
    assert failed.value.reason.state == "error"
    assert failed.value.reason.meaning.startswith("the token is not what was asked for: ")
    assert claim in failed.value.reason.meaning
    assert source.cached(TENANT, RESOURCE, "v2") is None


def test_an_opaque_token_is_good_for_calls_and_proves_no_claims(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.server.script(token_path(), entra.granting("opaque"))
    access = access_to(source)
    proof = access.prove()
    assert (proof.token.value, proof.claims, proof.missing_roles) == ("opaque", None, [])
    assert proof.token.expires_at <= time.time() + 28 * 3600
    with pytest.raises(TenantError, match="the token cannot be trusted"):
        access.verify_signature(proof)


@pytest.mark.parametrize(("app_id", "is_good"), [(permissions.GRAPH.app_id, True), (None, False)])
def test_only_a_token_for_graph_may_be_opaque(
    entra: ScriptedEntra, source: TokenSource, app_id: str | None, is_good: bool
) -> None:
    entra.server.script(token_path(), entra.granting(entra.token("unpublished", {"nonce": "n"})))
    access = Access(source, TENANT, Target(RESOURCE, app_id), [READ], Patience(0, 0))
    if is_good:
        assert access.verify_signature(access.prove()) == "opaque"
    else:
        with pytest.raises(TenantError, match="the token cannot be trusted"):
            access.verify_signature(access.prove())


@pytest.mark.parametrize(("said", "ends_in"), [(9_000_000, 600), (600, 600), (60, 60)])
def test_a_token_ends_when_the_first_of_both_says_so(
    entra: ScriptedEntra, source: TokenSource, said: int, ends_in: int
) -> None:
    now = int(time.time())
    body = {"token_type": "Bearer", "expires_in": said, "access_token": entra.token(exp=now + 600)}
    entra.server.script(token_path(), Answer(body))
    assert abs(access_to(source).prove().token.expires_at - now - ends_in) < 30


def test_the_end_of_a_kept_token_is_its_own(entra: ScriptedEntra, source: TokenSource) -> None:
    body = {"token_type": "Bearer", "expires_in": 86400, "access_token": entra.token(exp=int(time.time()) + 200)}
    entra.server.script(token_path(), Answer(body))
    for _unused in range(2):
        assert access_to(source).prove().token.from_cache is False
    assert acquired(entra) == 2


def test_the_signature_of_a_proof_is_verified(entra: ScriptedEntra, source: TokenSource) -> None:
    entra.server.script(token_path(), entra.granting(entra.token()), entra.granting(entra.token("unpublished")))
    access = access_to(source)
    assert access.verify_signature(access.prove()) == "verified"
    with pytest.raises(TenantError, match="the token cannot be trusted"):
        access.verify_signature(access.renew())


def test_a_reply_of_the_resource_is_accepted_by_its_application_id(entra: ScriptedEntra, source: TokenSource) -> None:
    api = "8ee8fdad-f234-4243-8f3b-15c294843740"
    entra.server.script(token_path(), entra.granting(entra.token(aud=api)))
    by_id = Access(source, TENANT, Target(RESOURCE, api), [READ], Patience(0, 0))
    assert by_id.verify_signature(by_id.prove()) == "verified"
