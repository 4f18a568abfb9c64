# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Call quotas: by tenant and call, counted over a sliding minute and hour."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller

Consent = Callable[..., None]


def test_fifty_lists_a_minute(caller: Caller, consented: Consent) -> None:
    consented()
    consented("fabrikam")
    token = caller.token()
    statuses = [caller.get("/api/incidents", token, **{"$top": 1}).status_code for _turn in range(52)]
    assert statuses == [200] * 50 + [429] * 2
    refused = caller.get("/api/incidents", token)
    assert refused.json()["error"]["code"] == "429"
    assert refused.json()["error"]["message"] == "API calls quota exceeded! maximum allowed 50 per 00:01:00"
    assert "Retry-After" not in refused.headers
    # Another call and another tenant have their own.
    first = caller.get("/api/incidents", caller.token("fabrikam"), **{"$top": 1})
    assert first.status_code == 200
    assert caller.get("/api/incidents/1", token).status_code == 404


def test_a_quota_can_be_set_and_lifted(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> None:
    consented()
    token = caller.token()
    emulator.control("PATCH", "application", {"quota_per_minute": 2})
    assert [caller.get("/api/incidents/1", token).status_code for _turn in range(3)] == [404, 404, 429]
    emulator.control("PATCH", "application", {"quota_per_minute": None, "quota_per_hour": 3})
    messages = [caller.get("/api/incidents", token, **{"$top": 1}).json() for _turn in range(4)]
    assert [("error" in message) for message in messages] == [False, False, False, True]
    assert messages[-1]["error"]["message"].endswith("maximum allowed 3 per 01:00:00")
    emulator.control("PATCH", "application", {"quota_per_minute": None, "quota_per_hour": None})
    assert {caller.get("/api/incidents", token, **{"$top": 1}).status_code for _turn in range(60)} == {200}


def _hunt(caller: Caller, path: str, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return caller.session.post(
        f"{caller.emulator.url}{path}", json={"Query": "AlertInfo | take 1"}, headers=headers, timeout=10
    )


def test_forty_five_hunts_a_minute(caller: Caller, consented: Consent) -> None:
    xdr, graph = "/api/advancedhunting/run", "/v1.0/security/runHuntingQuery"
    for tenant in ("contoso", "fabrikam"):
        consented(tenant, "AdvancedHunting.Read.All", "ThreatHunting.Read.All")
    token, graph_token = caller.token(), caller.token(scope=GRAPH_SCOPE)
    assert [_hunt(caller, xdr, token).status_code for _turn in range(46)] == [200] * 45 + [429]
    sentence = "API calls quota exceeded! maximum allowed 45 per 00:01:00"
    refused = _hunt(caller, xdr, token)
    assert (refused.json()["error"]["code"], refused.json()["error"]["message"]) == ("429", sentence)
    assert "Retry-After" not in refused.headers
    # Graph draws on the same allowance, and says when to come back.
    refused = _hunt(caller, graph, graph_token)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["message"]) == (429, "TooManyRequests", sentence)
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert _hunt(caller, graph, caller.token("fabrikam", GRAPH_SCOPE)).status_code == 200


def test_hunting_has_no_hourly_quota_but_the_one_that_is_set(
    caller: Caller, emulator: EmulatorProcess, consented: Consent
) -> None:
    consented("contoso", "ThreatHunting.Read.All")
    path, token = "/v1.0/security/runHuntingQuery", caller.token(scope=GRAPH_SCOPE)
    emulator.control("PATCH", "application", {"quota_per_minute": None})
    assert {_hunt(caller, path, token).status_code for _turn in range(60)} == {200}
    emulator.control("PATCH", "application", {"quota_per_hour": 2})
    answers = [_hunt(caller, path, token) for _turn in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["error"]["message"].endswith("maximum allowed 2 per 01:00:00")
    assert 3500 < int(answers[-1].headers["Retry-After"]) <= 3600


@pytest.mark.parametrize("path", ["/v1.0/security/incidents", "/v1.0/security/alerts_v2"], ids=["incidents", "alerts"])
def test_a_hundred_and_fifty_calls_of_graph_security_a_minute(caller: Caller, consented: Consent, path: str) -> None:
    consented("contoso", "SecurityIncident.Read.All", "SecurityAlert.Read.All")
    token = caller.token(scope=GRAPH_SCOPE)
    statuses = [caller.get(path, token, **{"$top": 1}).status_code for _turn in range(151)]
    assert statuses == [200] * 150 + [429]
    refused = caller.get(path, token)
    error = refused.json()["error"]
    assert (error["code"], error["message"]) == (
        "TooManyRequests",
        "API calls quota exceeded! maximum allowed 150 per 00:01:00",
    )
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
