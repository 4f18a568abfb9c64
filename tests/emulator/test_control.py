# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control interface refuses what makes no sense, and remembers requests without their secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import Caller

Consent = Callable[..., None]
# what the sample application asks for
SAMPLE_ROLES = ["Incident.Read.All", "SecurityAlert.Read.All", "SecurityIncident.Read.All", "ThreatHunting.Read.All"]


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", "faults", {"kind": "fire"}, "kind must be one of"),
        ("POST", "faults", {"kind": "latency", "second": 1}, "no 'second' to set"),
        ("POST", "faults", {"kind": "latency", "seconds": "1"}, "'seconds' cannot be '1'"),
        ("POST", "faults", {"kind": "token_error", "code": 1}, "no AADSTS number"),
        ("POST", "faults", {"kind": "latency", "tenant": "nowhere.example"}, "AADSTS90002"),
        ("POST", "faults", [], "must be an object"),
        ("PATCH", "application", {"quota_per_minute": 0}, "quota_per_minute must be"),
        ("PATCH", "application", {"client_id": "x"}, "no 'client_id' to set"),
        ("PATCH", "application", {"xdr_ends_at": "tomorrow"}, "xdr_ends_at: 'tomorrow' is not a date"),
        ("PATCH", "application", {"permissions": {"xdr": ["Incidents.Read.All"]}}, "Incidents.Read.All"),
        ("PATCH", "tenants/contoso.example", {"licenced": False}, "no 'licenced' to set"),
        ("PATCH", "tenants/nowhere.example", {"licensed": False}, "AADSTS90002"),
        ("PUT", "tenants/contoso.example/grants", {"roles": ["Incident.Read.All"]}, "consent first"),
        ("PUT", "tenants/contoso.example/grants", {}, "roles"),
    ],
)
def test_a_control_request_that_makes_no_sense(
    emulator: EmulatorProcess, method: str, path: str, body: object, told: str
) -> None:
    with pytest.raises(AssertionError, match=r": 40[04] ") as refused:
        emulator.control(method, path, body)
    assert told in str(refused.value)


def test_tenants_tell_their_state(emulator: EmulatorProcess, consented: Consent) -> None:
    consented("fabrikam")
    emulator.control("PATCH", "tenants/adatum.example", {"licensed": False, "incident_count": 3})
    tenants: dict[str, Any] = {tenant["name"]: tenant for tenant in emulator.control("GET", "tenants")}
    assert list(tenants) == ["contoso", "fabrikam", "tailspin", "wingtip", "adatum"]
    assert (tenants["contoso"]["consented"], tenants["contoso"]["roles"]) == (False, [])
    assert (tenants["fabrikam"]["consented"], tenants["fabrikam"]["roles"]) == (True, SAMPLE_ROLES)
    assert (tenants["adatum"]["licensed"], tenants["adatum"]["incident_count"]) == (False, 3)


def test_requests_are_counted_without_their_secrets(
    caller: Caller, emulator: EmulatorProcess, consented: Consent
) -> None:
    consented()
    emulator.control("DELETE", "requests")
    token = caller.token()
    caller.ask_token("fabrikam")
    caller.get("/api/incidents", token, **{"$top": 1})
    caller.get("/api/incidents/1", token)
    caller.get("/somewhere")
    report = emulator.control("GET", "requests")
    assert report["counts"] == {
        "POST /{tenant}/oauth2/v2.0/token": 2,
        "GET /api/incidents": 1,
        "GET /api/incidents/{incident_id}": 1,
        "GET (no route)": 1,
    }
    contoso, fabrikam = emulator.tenant_id("contoso"), emulator.tenant_id("fabrikam")
    assert [
        (seen["path"].rpartition("/")[2], seen["tenant"], seen["status"], seen["credential"], seen["refusal"])
        for seen in report["requests"]
    ] == [
        ("token", contoso, 200, "client_secret", None),
        ("token", fabrikam, 401, "client_secret", 7000229),
        ("incidents", contoso, 200, None, None),
        ("1", contoso, 404, None, None),
        ("somewhere", None, 404, None, None),
    ]
    written = json.dumps(report)
    assert token not in written
    assert emulator.client_secret not in written
    emulator.control("DELETE", "requests")
    assert emulator.control("GET", "requests") == {"counts": {}, "requests": []}


def test_reset_forgets_everything(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> None:
    consented()
    emulator.control("PATCH", "application", {"secret_expired": True})
    emulator.control("PATCH", "tenants/contoso.example", {"app_enabled": False})
    emulator.control("POST", "faults", {"kind": "server_error"})
    emulator.control("POST", "reset")
    assert caller.ask_token().json()["error_codes"] == [7000229]
    assert emulator.control("GET", "faults") == []


def test_everyone_consents_at_once(caller: Caller, emulator: EmulatorProcess) -> None:
    assert emulator.control("POST", "consent-all") == {"consented": 5}
    for tenant in emulator.connection["tenants"]:
        assert caller.ask_token(tenant["name"]).status_code == 200


def test_the_home_tenant_knows_the_application_without_any_role(caller: Caller, emulator: EmulatorProcess) -> None:
    answer = caller.ask_token(emulator.connection["home_tenant_id"])
    assert answer.status_code == 200
    assert caller.get("/api/incidents", answer.json()["access_token"]).status_code == 403
