# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each refusal an app-only client can meet: status, OAuth error, code and the fields of the body."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from support.emulator import EmulatorProcess

from .conftest import Caller

Consent = Callable[..., None]
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# changed form fields -> HTTP status, error, code
BAD_REQUESTS = {
    "wrong secret": ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
    "no credential": ({"client_secret": None}, 401, "invalid_client", 7000218),
    "no client": ({"client_id": None}, 400, "invalid_request", 900144),
    "no grant type": ({"grant_type": None}, 400, "invalid_request", 900144),
    "no scope": ({"scope": None}, 400, "invalid_request", 900144),
    "unknown client": ({"client_id": str(uuid.uuid4())}, 400, "unauthorized_client", 700016),
    "other grant": ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    "slash missing": ({"scope": "https://api.security.microsoft.com.default"}, 400, "invalid_scope", 1002012),
    "named permission": (
        {"scope": "https://api.security.microsoft.com/Incident.Read.All"},
        400,
        "invalid_scope",
        1002012,
    ),
    "mixed scopes": (
        {"scope": "https://api.security.microsoft.com/.default https://graph.microsoft.com/User.Read"},
        400,
        "invalid_scope",
        70011,
    ),
    "no scope of an API": ({"scope": "openid"}, 400, "invalid_scope", 1002012),
    "OpenID scopes alone": ({"scope": "openid profile offline_access"}, 400, "invalid_scope", 1002012),
    "two resources": (
        {"scope": "https://api.security.microsoft.com/.default https://graph.microsoft.com/.default"},
        400,
        "invalid_scope",
        700022,
    ),
    "unknown resource": ({"scope": "https://api.nobody.example/.default"}, 400, "invalid_resource", 500011),
    "broken assertion": (
        {
            "client_secret": None,
            "client_assertion": "no.jwt",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        },
        400,
        "invalid_request",
        50027,
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request(caller: Caller, emulator: EmulatorProcess, consented: Consent, name: str) -> None:
    consented()
    changes, status, error, code = BAD_REQUESTS[name]
    answer = caller.ask_token(**changes)
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    lines = body["error_description"].split("\r\n")
    assert lines[0].startswith(f"AADSTS{code}: ")
    assert lines[1:] == [
        f"Trace ID: {body['trace_id']}",
        f"Correlation ID: {body['correlation_id']}",
        f"Timestamp: {body['timestamp']}",
    ]
    assert GUID.fullmatch(body["trace_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", body["timestamp"])
    if code != 1002012:
        assert body["error_uri"] == f"{emulator.url}/error?code={code}"
    assert emulator.client_secret not in answer.text


TENANTS = {
    "nowhere.example": (400, "invalid_request", 90002),
    "0b6f1a0e-7d0f-4c53-9d8c-6f1f3f0a2b11": (400, "invalid_request", 90002),
    "not_a_tenant": (400, "invalid_request", 900023),
    "common": (400, "invalid_request", 9001023),
    "organizations": (400, "invalid_request", 9001023),
    "fabrikam": (401, "invalid_client", 7000229),
}


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenant_that_will_not_do(caller: Caller, tenant: str) -> None:
    answer = caller.ask_token(tenant)
    body = answer.json()
    assert (answer.status_code, body["error"], *body["error_codes"]) == TENANTS[tenant]


# a setting of the tenant -> HTTP status, error, code
SETTINGS = {
    "service_present": (False, 400, "invalid_resource", 500011),
    "service_enabled": (False, 400, "invalid_resource", 500014),
    "app_enabled": (False, 400, "unauthorized_client", 7000112),
    "conditional_access": (True, 400, "invalid_grant", 53003),
    "other_cloud": (True, 400, "invalid_request", 900382),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("version", [1, 2])
def test_a_tenant_that_blocks(
    caller: Caller, emulator: EmulatorProcess, consented: Consent, setting: str, version: int
) -> None:
    consented()
    value, status, error, code = SETTINGS[setting]
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {setting: value})
    answer = caller.ask_token(version=version)
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    consented("fabrikam")
    assert caller.ask_token("fabrikam", version).status_code == 200


def test_an_expired_secret(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> None:
    consented()
    emulator.control("PATCH", "application", {"secret_expired": True})
    answer = caller.ask_token()
    assert (answer.status_code, answer.json()["error_codes"]) == (401, [7000222])


def test_the_clients_own_request_id_comes_back(caller: Caller) -> None:
    mine = str(uuid.uuid4())
    caller.session.headers["client-request-id"] = mine
    assert caller.ask_token().json()["correlation_id"] == mine


def test_v1_needs_a_resource(caller: Caller, consented: Consent) -> None:
    consented()
    assert caller.ask_token(version=1, resource=None).json()["error_codes"] == [900144]
    assert caller.ask_token(version=1, resource="https://nobody.example").json()["error_codes"] == [500011]
