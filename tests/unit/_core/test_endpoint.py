# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from support.scripted_entra import RESOURCE, TENANT, ScriptedTenant, token_path
from support.scripted_server import Answer, refused

from ansible_collections.mssp.defender.plugins.module_utils._core.endpoint import Endpoint, NoToken, Request
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import Token

PATH = "/api/things"
THING = Request("GET", PATH)


@pytest.fixture
def endpoint(tenant: ScriptedTenant) -> Endpoint:
    return tenant.endpoint()


def keep_stale_token(tenant: ScriptedTenant) -> None:
    tenant.source.keep(TENANT, RESOURCE, "v2", Token(tenant.entra.token(uti="an older one"), time.time() + 3600))


def kept(tenant: ScriptedTenant) -> Token | None:
    return tenant.source.cached(TENANT, RESOURCE, "v2")


def test_a_path_is_asked_below_the_base_and_a_link_as_it_is(tenant: ScriptedTenant, endpoint: Endpoint) -> None:
    tenant.server.script(PATH, Answer({}))
    endpoint.send(Request("GET", PATH, params={"$top": 2}))
    endpoint.send(Request("GET", f"{tenant.server.url}{PATH}?$skiptoken=abc"))
    assert [request.query for request in tenant.asked(PATH)] == [{"$top": "2"}, {"$skiptoken": "abc"}]


def test_a_body_is_sent_as_json_and_none_says_nothing_of_one(tenant: ScriptedTenant, endpoint: Endpoint) -> None:
    tenant.server.script(PATH, Answer({}), method="POST")
    endpoint.send(Request("POST", PATH, {"name": "Grüße"}, headers={"Prefer": "x"}))
    endpoint.send(Request("POST", PATH, {}))
    tenant.server.script(PATH, Answer({}))
    endpoint.send(THING)
    first, empty, bare = tenant.asked(PATH)
    assert (first.json, first.headers["Content-Type"], first.headers["Prefer"]) == (
        {"name": "Grüße"},
        "application/json",
        "x",
    )
    assert empty.body == "{}"
    assert (bare.body, "Content-Type" in bare.headers) == ("", False)


def test_one_token_serves_many_requests(tenant: ScriptedTenant, endpoint: Endpoint) -> None:
    tenant.server.script(PATH, Answer({}))
    for _unused in range(3):
        endpoint.send(THING)
    assert len(tenant.server.requests_to(token_path())) == 1


def test_a_token_that_is_refused_is_renewed(tenant: ScriptedTenant, endpoint: Endpoint) -> None:
    keep_stale_token(tenant)
    tenant.server.script(PATH, Answer("", status=401), Answer({}))
    assert endpoint.send(THING).status == 200
    first, second = (request.headers["Authorization"] for request in tenant.asked(PATH))
    assert first != second == f"Bearer {endpoint.proof().token.value}"
    assert kept(tenant) is not None


def test_a_second_token_that_is_refused_too_is_forgotten(tenant: ScriptedTenant, endpoint: Endpoint) -> None:
    keep_stale_token(tenant)
    tenant.server.script(PATH, refused(401, "Unauthorized", "m"))
    assert endpoint.send(THING).status == 401
    assert (len(tenant.asked(PATH)), kept(tenant)) == (2, None)


def test_each_request_may_renew_the_token(tenant: ScriptedTenant, endpoint: Endpoint) -> None:
    """A long task outlives more than one token."""
    stale = Answer("", status=401)
    tenant.server.script(PATH, stale, Answer({}), stale, Answer({}))
    assert [endpoint.send(THING).status for _unused in range(2)] == [200, 200]


def test_where_there_is_no_token_the_api_is_not_asked(tenant: ScriptedTenant, endpoint: Endpoint) -> None:
    tenant.server.script(token_path(), Answer({"error": "invalid_client", "error_codes": [7000222]}, 401))
    with pytest.raises(NoToken) as failed:
        endpoint.send(THING)
    assert (failed.value.reason.state, tenant.asked(PATH)) == ("bad_credential", [])


def test_an_answer_that_is_not_microsofts_is_none(tenant: ScriptedTenant, endpoint: Endpoint) -> None:
    tenant.server.script(PATH, Answer("<html>Access denied</html>", 404))
    with pytest.raises(TenantError, match="something between this machine and"):
        endpoint.send(THING)


def test_links_are_followed_only_to_where_the_token_may_go(endpoint: Endpoint, tenant: ScriptedTenant) -> None:
    links = endpoint.links()
    assert links.checked(f"{tenant.server.url}{PATH}?page=2").endswith("page=2")
    with pytest.raises(TenantError):
        links.checked("https://elsewhere.invalid/api")
