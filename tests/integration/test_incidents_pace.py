# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented quotas are kept before the service has to say no, by all tasks of a run together."""

from __future__ import annotations

from collections import Counter

import pytest
from support.emulated_tenants import IncidentDesk
from support.emulator import EmulatorProcess
from support.operations import Tasks

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

PATH = "/api/incidents"


@pytest.fixture
def contoso(emulator: EmulatorProcess) -> str:
    """A tenant whose incidents take more calls than a minute allows."""
    tenant_id = IncidentDesk(emulator).open("contoso")
    emulator.control("PATCH", f"tenants/{tenant_id}", {"incident_count": 400})
    emulator.control("PATCH", "application", {"max_page": 4, "next_link": True})
    return tenant_id


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the tenant where it would wait for the next minute."""
    pace = Patience.pace

    def end(*arguments: object) -> Exception:
        wait = pace(*arguments)  # type: ignore[arg-type]
        assert isinstance(wait, Postponed)
        assert 40 < wait.seconds <= 61
        return wait.error

    monkeypatch.setattr(Patience, "pace", end)


def _statuses(emulator: EmulatorProcess) -> Counter[int]:
    asked = emulator.control("GET", "requests")["requests"]
    return Counter(request["status"] for request in asked if request["path"] == PATH)


@pytest.mark.usefixtures("_no_waiting")
def test_the_limit_of_a_minute_is_never_passed(run_of_tasks: Tasks, emulator: EmulatorProcess, contoso: str) -> None:
    result = run_of_tasks.incidents(tenant_id=contoso)
    assert result["state"] == "throttled"
    assert "the minute quota of 50 xdr-list-incidents calls" in result["msg"]
    assert _statuses(emulator) == {200: 50}


@pytest.mark.usefixtures("_no_waiting")
def test_the_next_task_of_the_run_knows(run_of_tasks: Tasks, emulator: EmulatorProcess, contoso: str) -> None:
    for _unused in range(2):
        assert run_of_tasks.incidents(tenant_id=contoso)["state"] == "throttled"
    assert _statuses(emulator) == {200: 50}
    assert run_of_tasks.incidents(tenant_id=contoso, api="graph", limit=1)["state"] == "granted", "another quota"


def test_without_it_the_service_says_no(run_of_tasks: Tasks, emulator: EmulatorProcess, contoso: str) -> None:
    result = run_of_tasks.incidents(tenant_id=contoso, paced=False, max_wait=0)
    assert (result["state"], result["code"]) == ("throttled", "429")
    assert "minute quota of 50 calls" in result["msg"]
    assert _statuses(emulator) == {200: 50, 429: 1}
