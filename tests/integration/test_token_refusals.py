# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each way in which Entra ID says no: the state, who must act, and the ids that support asks for."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from support.emulator import EmulatorProcess
from support.operations import Tasks

GUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
REFUSALS = {
    7000229: ("not_consented", "customer admin"),
    700016: ("not_consented", "customer admin"),
    65001: ("not_consented", "customer admin"),
    65004: ("not_consented", "customer admin"),
    500011: ("no_service", "customer admin"),
    500014: ("no_service", "customer admin"),
    650052: ("no_service", "customer admin"),
    7000215: ("bad_credential", "provider"),
    7000222: ("bad_credential", "provider"),
    7000218: ("bad_credential", "provider"),
    700027: ("bad_credential", "provider"),
    700024: ("bad_credential", "provider"),
    70021: ("bad_credential", "provider"),
    700211: ("bad_credential", "provider"),
    700212: ("bad_credential", "provider"),
    700213: ("bad_credential", "provider"),
    90002: ("unknown_tenant", "provider"),
    900023: ("unknown_tenant", "provider"),
    900382: ("unknown_tenant", "provider"),
    53003: ("blocked", "customer admin"),
    7000112: ("blocked", "customer admin"),
    70001: ("blocked", "customer admin"),
    1002012: ("error", "provider"),
    70011: ("error", "provider"),
    50196: ("throttled", "nobody"),
    # known by their OAuth error alone
    700021: ("bad_credential", "provider"),
    700023: ("bad_credential", "provider"),
    70003: ("error", "provider"),
    900144: ("error", "provider"),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_refusal_becomes_a_state(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None], code: int
) -> None:
    consent("contoso")
    fault("token_error", code=code)
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"))
    state, who = REFUSALS[code]
    assert result["failed"]
    assert result["state"] == state
    assert result["who"] == who
    assert result["code"] == f"AADSTS{code}"
    assert GUID.match(result["correlation_id"])
    assert GUID.match(result["trace_id"])
    assert result["remedy"]
    what = result["remedy"] if who == "nobody" else f"{who}: {result['remedy']}"
    assert result["msg"] == (f"{emulator.tenant_id('contoso')} is {state}: {result['meaning']} (AADSTS{code}); {what}.")


def test_a_customer_who_never_consented(tasks: Tasks, emulator: EmulatorProcess) -> None:
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"))
    assert (result["state"], result["code"]) == ("not_consented", "AADSTS7000229")


@pytest.mark.parametrize(
    ("setting", "state", "code"),
    [
        ({"service_present": False}, "no_service", "AADSTS500011"),
        ({"service_enabled": False}, "no_service", "AADSTS500014"),
        ({"app_enabled": False}, "blocked", "AADSTS7000112"),
        ({"conditional_access": True}, "blocked", "AADSTS53003"),
        ({"other_cloud": True}, "unknown_tenant", "AADSTS900382"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_customer_whose_tenant_does_not_let_us_in(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    setting: dict[str, bool],
    state: str,
    code: str,
) -> None:
    consent("contoso")
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", setting)
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"))
    assert (result["state"], result["code"]) == (state, code)


@pytest.mark.parametrize("tenant_id", ["99999999-9999-4999-8999-999999999999", "nobody.example"])
def test_a_tenant_that_does_not_exist(tasks: Tasks, tenant_id: str) -> None:
    result = tasks.token(tenant_id=tenant_id)
    assert (result["state"], result["code"]) == ("unknown_tenant", "AADSTS90002")
    assert tenant_id in result["msg"]


def test_a_secret_that_is_wrong(tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]) -> None:
    consent("contoso")
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), client_secret="a wrong secret, never to be shown")
    assert (result["state"], result["code"]) == ("bad_credential", "AADSTS7000215")
    assert "never to be shown" not in str(result)


def test_a_secret_that_expired(tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]) -> None:
    consent("contoso")
    emulator.control("PATCH", "application", {"secret_expired": True})
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"))
    assert (result["state"], result["code"]) == ("bad_credential", "AADSTS7000222")


def test_a_certificate_that_was_not_uploaded(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]
) -> None:
    consent("contoso")
    emulator.control("PATCH", "application", {"certificate_registered": False})
    result = tasks.token(
        tenant_id=emulator.tenant_id("contoso"),
        client_secret=None,
        certificate_path=emulator.connection["certificate_path"],
    )
    assert (result["state"], result["code"]) == ("bad_credential", "AADSTS700027")


def test_an_application_nobody_registered(tasks: Tasks, emulator: EmulatorProcess) -> None:
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), client_id="11111111-1111-1111-1111-111111111111")
    assert (result["state"], result["code"]) == ("not_consented", "AADSTS700016")
    assert "client_id" in result["remedy"]


def test_a_transient_refusal_is_repeated(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    consent("contoso")
    fault("token_error", code=90033, times=1)
    assert tasks.token(tenant_id=emulator.tenant_id("contoso"))["state"] == "granted"


def test_a_transient_refusal_that_stays_is_reported(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    consent("contoso")
    fault("token_error", code=90033)
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), retries=0)
    assert result["failed"]
    assert result["state"] in ("unreachable", "error")


def test_one_tenant_never_spoils_another(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    consent("contoso", "fabrikam", "tailspin")
    fault("token_error", tenant="fabrikam", code=53003)
    fault("reset", tenant="tailspin", path="/token")
    result = tasks.token(
        tenants=[
            *({"name": name, "tenant_id": emulator.tenant_id(name)} for name in ("contoso", "fabrikam", "tailspin")),
            {"name": "wingtip", "tenant_id": emulator.tenant_id("wingtip")},
            {"name": "broken", "tenant_id": "common"},
            {"name": "empty", "tenant_id": ""},
        ],
        retries=1,
    )
    assert not result["failed"]
    assert {outcome["name"]: outcome["state"] for outcome in result["tenants"]} == {
        "contoso": "granted",
        "fabrikam": "blocked",
        "tailspin": "unreachable",
        "wingtip": "not_consented",
        "broken": "unknown_tenant",
        "empty": "unknown_tenant",
    }
    assert result["summary"] == {
        "blocked": 1,
        "granted": 1,
        "not_consented": 1,
        "unknown_tenant": 2,
        "unreachable": 1,
    }


@pytest.mark.parametrize(("fail_on", "fails"), [(["not_consented"], True), (["blocked"], False)])
def test_fleet_fails_only_on_the_states_asked_for(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fail_on: list[str], fails: bool
) -> None:
    consent("contoso")
    tenants = [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in ("contoso", "wingtip", "adatum")]
    result = tasks.token(tenants=tenants, fail_on=fail_on)
    assert result["failed"] is fails
    assert len(result["tenants"]) == 3
    if fails:
        assert result["msg"].startswith(f"wingtip ({emulator.tenant_id('wingtip')}) is not_consented: ")
        assert result["msg"].endswith("(and 1 more)")
