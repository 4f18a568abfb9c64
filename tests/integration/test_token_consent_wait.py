# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A consent given a moment ago takes its time to reach every server."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from support.emulator import EmulatorProcess
from support.operations import Tasks


def test_fresh_consents_are_waited_for_in_one_wait(
    run_of_tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    """A token without roles, and two refusals: 700016 comes as HTTP 400, which MSAL would replay for 60 seconds."""
    consent("contoso", "fabrikam", "tailspin")
    fault("consent_propagation", tenant="contoso", seconds=3)
    fault("consent_propagation", tenant="fabrikam", seconds=3, code=7000229)
    fault("consent_propagation", tenant="tailspin", seconds=3, code=700016)
    names = ["contoso", "fabrikam", "tailspin"]
    tenants = [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in names]
    started = time.monotonic()
    result = run_of_tasks.token(tenants=tenants, consent_wait=30, concurrency=1)
    assert {outcome["name"]: outcome["state"] for outcome in result["tenants"]} == dict.fromkeys(names, "granted")
    assert time.monotonic() - started >= 3


@pytest.mark.parametrize(("code", "state"), [(None, "partial"), (700016, "not_consented")])
def test_wait_ends_with_what_was_seen_last(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    fault: Callable[..., None],
    code: int | None,
    state: str,
) -> None:
    consent("contoso")
    fault("consent_propagation", tenant="contoso", seconds=600, code=code)
    started = time.monotonic()
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), consent_wait=1)
    assert 1 <= time.monotonic() - started < 300
    assert result["state"] == state
    assert result["failed"]


@pytest.mark.parametrize("setting", [{"service_present": False}, {"conditional_access": True}])
def test_what_a_consent_does_not_mend_is_not_waited_for(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], setting: dict[str, bool]
) -> None:
    consent("contoso")
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", setting)
    started = time.monotonic()
    assert tasks.token(tenant_id=emulator.tenant_id("contoso"), consent_wait=600)["failed"]
    assert time.monotonic() - started < 300


def test_a_refused_tenant_is_asked_anew_at_once(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    """The next task must see the consent, although MSAL keeps an HTTP 400 for 60 seconds."""
    consent("contoso")
    fault("token_error", code=700016, times=1)
    assert tasks.token(tenant_id=emulator.tenant_id("contoso"))["state"] == "not_consented"
    assert tasks.token(tenant_id=emulator.tenant_id("contoso"))["state"] == "granted"
