# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throttling, failures and refusals of the incident API."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.emulator import EmulatorProcess
from support.operations import Tasks
from support.scripted_server import Answer, ScriptedServer

API = "/api/incidents"
TOKEN = "/oauth2/v2.0/token"


def _tenants(emulator: EmulatorProcess, *names: str) -> list[dict[str, str]]:
    return [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in names]


@pytest.mark.parametrize(
    ("throttle", "seconds"),
    [
        ({"retry_after": 1}, 1),
        ({"retry_after": "http-date", "seconds": 2}, 0.5),
        ({}, 60),
        ({"body": "Too Many Requests"}, 0.5),
        ({"body": "API calls quota exceeded! maximum allowed 45 per 00:00:01"}, 1),
        ({"body": "API calls quota exceeded! maximum allowed 1500 per 01:00:00"}, 3600),
    ],
    ids=["seconds", "date", "real quota text", "none", "short quota text", "hourly quota text"],
)
def test_a_throttled_tenant_is_waited_for_as_it_asks(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    fault: Callable[..., None],
    throttle: dict[str, Any],
    seconds: float,
) -> None:
    consent("contoso")
    fault("throttle", path=API, times=1, **throttle)
    started = time.monotonic()
    result = tasks.incidents(tenant_id=emulator.tenant_id("contoso"), max_wait=5)
    elapsed = time.monotonic() - started
    if seconds < 5:
        assert result["state"] == "granted", result["msg"]
        assert seconds <= elapsed
    else:
        assert (result["state"], result["who"], result["code"]) == ("throttled", "nobody", "429")
        assert f"{seconds} s" in result["msg"]
        assert elapsed < seconds / 2, "a wait that is too long must not be begun"


def test_waits_add_up_to_max_wait(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    fault: Callable[..., None],
    count_requests: Callable[[str], int],
) -> None:
    consent("contoso")
    fault("throttle", path=API, retry_after=1)
    result = tasks.incidents(tenant_id=emulator.tenant_id("contoso"), max_wait=3)
    assert result["state"] == "throttled"
    assert 2 <= count_requests(API) <= 4


def test_the_token_endpoint_may_throttle_too(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    consent("contoso")
    fault("throttle", path=TOKEN, times=1, retry_after=1)
    assert tasks.incidents(tenant_id=emulator.tenant_id("contoso"))["state"] == "granted"
    fault("token_error", code=90055)
    assert tasks.incidents(tenant_id=emulator.tenant_id("contoso"), max_wait=5)["state"] == "throttled"


def test_a_throttled_tenant_holds_up_nobody(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    """With a single thread the others are through before the throttled one is asked again."""
    names = ("contoso", "fabrikam", "tailspin", "adatum")
    consent(*names)
    fault("throttle", tenant="contoso", path=API, times=1, retry_after=2)
    result = tasks.incidents(tenants=_tenants(emulator, *names), concurrency=1)
    assert result["summary"] == {"granted": 4}
    asked = [r["tenant"] for r in emulator.control("GET", "requests")["requests"] if r["path"] == API]
    contoso = emulator.tenant_id("contoso")
    # each short page is followed by a look at what lies behind it
    assert (asked[0], asked[-2:]) == (contoso, [contoso] * 2)
    assert set(asked[1:-2]) == {emulator.tenant_id(name) for name in names[1:]}


def test_real_quota_ends_one_tenant_only(tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    emulator.control("PATCH", "application", {"quota_per_minute": 2})
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"incident_count": 450})
    result = tasks.incidents(tenants=_tenants(emulator, "contoso", "fabrikam"), max_wait=10)
    assert {outcome["name"]: outcome["state"] for outcome in result["tenants"]} == {
        "contoso": "throttled",
        "fabrikam": "granted",
    }


def test_a_stale_token_is_renewed_once(
    run_of_tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    count_requests: Callable[[str], int],
) -> None:
    """The API no longer takes the kept token, although it looks fresh."""
    consent("contoso")
    tenant_id = emulator.tenant_id("contoso")
    run_of_tasks.token(tenant_id=tenant_id)
    emulator.control("POST", "keys/rotate", {"withdraw_old": True})
    assert run_of_tasks.incidents(tenant_id=tenant_id)["state"] == "granted"
    # refused, a short page, and what lies behind it
    assert (count_requests(TOKEN), count_requests(API)) == (2, 3)
    run_of_tasks.incidents(tenant_id=tenant_id)
    assert count_requests(TOKEN) == 2, "the renewed token must have been kept"


def test_a_token_refused_twice_is_an_error(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    fault: Callable[..., None],
    count_requests: Callable[[str], int],
) -> None:
    consent("contoso")
    fault("unknown_key")
    result = tasks.incidents(tenant_id=emulator.tenant_id("contoso"))
    assert (result["state"], result["code"]) == ("error", "Unauthorized")
    assert (count_requests(TOKEN), count_requests(API)) == (2, 2)


def test_missing_roles_are_explained(tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]) -> None:
    consent("contoso", roles=["AdvancedHunting.Read.All"])
    result = tasks.incidents(tenant_id=emulator.tenant_id("contoso"))
    assert (result["state"], result["who"]) == ("partial", "customer admin")
    assert "Incident.Read.All" in result["msg"]


def test_a_missing_licence_is_explained(tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]) -> None:
    consent("contoso")
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"licensed": False})
    result = tasks.incidents(tenant_id=emulator.tenant_id("contoso"))
    assert (result["state"], result["code"], result["who"]) == ("no_service", "Forbidden", "customer admin")
    assert "license Microsoft Defender XDR" in result["remedy"]


@pytest.mark.parametrize(
    ("kind", "details", "requests"),
    # one more asks for no record at all, which tells a service that is down from one that fails over a record
    [("server_error", {"status": 503}, 3), ("reset", {}, 2), ("truncate", {}, 2)],
    ids=["503", "reset", "truncated"],
)
def test_a_failure_is_repeated_then_reported(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    fault: Callable[..., None],
    count_requests: Callable[[str], int],
    kind: str,
    details: dict[str, Any],
    requests: int,
) -> None:
    consent("contoso")
    tenant_id = emulator.tenant_id("contoso")
    fault(kind, path=API, times=1, **details)
    assert tasks.incidents(tenant_id=tenant_id)["state"] == "granted"

    emulator.control("DELETE", "requests")
    fault(kind, path=API, **details)
    result = tasks.incidents(tenant_id=tenant_id, retries=1)
    assert (result["state"], result["who"]) == ("unreachable", "provider")
    assert count_requests(API) == requests


def test_a_slow_answer_is_given_up(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    consent("contoso")
    fault("latency", path=API, seconds=3)
    result = tasks.incidents(tenant_id=emulator.tenant_id("contoso"), timeout=1, retries=0)
    assert result["state"] == "unreachable"
    assert "timeout" in result["msg"]


@pytest.mark.parametrize("path", [API, TOKEN, "/.well-known/", "/discovery/"])
def test_an_answer_that_is_no_json_is_explained(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None], path: str
) -> None:
    """A proxy's sign-in page, most of the time."""
    consent("contoso")
    fault("not_json", path=path)
    call = tasks.incidents if path == API else tasks.token
    result = call(tenant_id=emulator.tenant_id("contoso"))
    assert (result["state"], result["who"]) == ("unreachable", "provider")
    assert "JSON" in result["msg"]
    assert "proxy" in result["remedy"]


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({}, "error"),
        ([], "unreachable"),
        ({"value": "none"}, "error"),
        ({"value": None}, "error"),
        ("null", "unreachable"),
    ],
)
def test_a_strange_answer_is_explained(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    scripted: ScriptedServer,
    body: Any,
    state: str,
) -> None:
    consent("contoso")
    scripted.respond = lambda _request: Answer(body)
    result = tasks.incidents(tenant_id=emulator.tenant_id("contoso"), xdr_url=scripted.url)
    assert result["state"] == state
    assert re.search("no list of incidents|not Microsoft's JSON", result["msg"])


@pytest.mark.parametrize("record", [None, "text", 7, ["list"]])
def test_a_record_that_is_none_is_explained(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    scripted: ScriptedServer,
    record: Any,
) -> None:
    consent("contoso", "fabrikam")
    scripted.respond = lambda _request: Answer({"value": [record]})
    result = tasks.incidents(tenants=_tenants(emulator, "contoso", "fabrikam"), xdr_url=scripted.url)
    assert result.get("summary") == {"error": 2}, result.get("msg")


def test_a_redirect_is_not_followed_with_the_token(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    scripted: ScriptedServer,
    count_requests: Callable[[str], int],
) -> None:
    consent("contoso")
    elsewhere = {"Location": f"{emulator.url}{API}"}
    scripted.respond = lambda _request: Answer({}, status=302, headers=elsewhere)
    result = tasks.incidents(tenant_id=emulator.tenant_id("contoso"), xdr_url=scripted.url)
    assert result["state"] == "unreachable"
    assert "HTTP 302 in its place: a redirection to localhost, which is not followed" in result["msg"]
    assert count_requests(API) == 0
