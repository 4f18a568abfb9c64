# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Call quotas: by tenant and call, counted over a sliding minute and hour."""

from __future__ import annotations

from collections.abc import Callable

from emulator_process import EmulatorProcess

from .conftest import Caller

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
