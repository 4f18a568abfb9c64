# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.wire import between


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"error": {"code": "Forbidden", "message": "no", "target": "0f8fad5b"}}),
        (403, {"error": {"code": "UnknownError", "message": ""}}),
        (400, {"error": {"code": "", "message": "The limit of '50' for Top query has been exceeded."}}),
        (403, {"error": {"code": "BadRequest", "innerError": {"request-id": "7c9e"}}}),
    ],
)
@pytest.mark.parametrize("of_tokens", [True, False])
def test_microsofts_error_bodies_are_known(status: int, body: dict[str, Any], of_tokens: bool) -> None:
    assert between.refuses(status, {}, body, of_tokens=of_tokens)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "invalid_client"},
        {"error": "something_new", "error_description": "AADSTS99999: text"},
        {"error": "something_new", "error_codes": [99999]},
    ],
)
@pytest.mark.parametrize("of_tokens", [True, False])
def test_the_form_of_oauth_is_the_token_endpoints_alone(body: dict[str, Any], of_tokens: bool) -> None:
    assert between.refuses(403, {}, body, of_tokens=of_tokens) is of_tokens


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"message": "Forbidden"},
        {"error": "Access denied by policy"},
        {"error": {}},
        {"error": {"code": 403, "message": "Forbidden"}},
        {"error": {"code": "403", "message": "Blocked by Zscaler"}},
        {"error": {"code": "", "message": "Blocked"}},
        {"error": {"code": " ", "message": "Blocked"}},
        {"error": {"message": "You are blocked by company policy"}},
        {"error": None},
        {"error": True, "message": "blocked"},
        {"errors": [{"code": "1020"}]},
        {"error_description": "text"},
    ],
)
@pytest.mark.parametrize(
    "headers",
    [{}, {"WWW-Authenticate": 'Basic realm="proxy"'}, {"WWW-Authenticate": 'Bearer realm="proxy"'}],
)
def test_what_others_answer_is_not_taken_for_microsofts(body: dict[str, Any] | None, headers: dict[str, str]) -> None:
    assert not between.refuses(403, headers, body)


@pytest.mark.parametrize(("status", "known"), [(401, True), (403, True), (404, False)])
@pytest.mark.parametrize(
    ("challenge", "is_empty"),
    [
        ('Bearer error="invalid_token"', True),
        ('Bearer authorization_uri="https://login.windows.net/common", error="invalid_token"', False),
        ('bearer realm="", authorization_uri="https://login.microsoftonline.us/common/oauth2/authorize"', False),
    ],
)
def test_a_demand_for_a_token_is_an_apis(status: int, known: bool, challenge: str, is_empty: bool) -> None:
    assert between.refuses(status, {"WWW-Authenticate": challenge}, None, is_empty=is_empty) is known


@pytest.mark.parametrize("uri", ["https://login.proxy.example/", "https://login.windows.net.evil.example/"])
def test_a_demand_for_another_ones_token_is_not_an_apis(uri: str) -> None:
    assert not between.refuses(401, {"WWW-Authenticate": f'Bearer authorization_uri="{uri}"'}, None)


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"Server": "squid/6.6"}, " (it calls itself squid/6.6)"),
        ({"Via": "1.1 gateway.example (squid)"}, " (it calls itself 1.1 gateway.example (squid))"),
        ({"Server": "x" * 61}, ""),
        ({"Server": "\x1b[31mred"}, ""),
        ({"Server": ""}, ""),
        ({}, ""),
    ],
)
def test_who_answers_is_named_where_it_is_a_plain_name(headers: dict[str, str], named: str) -> None:
    reason = between.reason("graph.microsoft.com", 403, headers)
    assert reason.meaning == (
        "something between this machine and graph.microsoft.com answered HTTP 403 in its place: "
        f"not Microsoft's JSON{named}"
    )
    assert (reason.state, reason.acts, reason.code) == ("unreachable", "provider", None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("https://user:canary@login.wifi.example:8443/?token=canary", " to login.wifi.example"),
        ("//login.wifi.example/canary", " to login.wifi.example"),
        ("/canary", ""),
        ("//\x1b[31m.example:80a/canary", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_redirection_is_told_by_its_host_alone(status: int, location: str | None, where: str) -> None:
    headers = {} if location is None else {"Location": location}
    assert not between.refuses(status, headers, {"error": {"code": "Moved", "message": "canary"}})
    meaning = between.reason("graph.microsoft.com", status, headers).meaning
    assert meaning.endswith(f"answered HTTP {status} in its place: a redirection{where}, which is not followed")
    assert "canary" not in meaning


def test_a_proxy_in_the_way_that_wants_a_password_is_named_as_one() -> None:
    reason = between.reason("graph.microsoft.com", 407, {"Proxy-Authenticate": "Negotiate", "Server": "squid"})
    assert (
        "HTTP 407 in its place: a proxy that wants a user name and password (it calls itself squid)" in reason.meaning
    )
    assert reason.remedy.endswith("or put them into HTTPS_PROXY")
