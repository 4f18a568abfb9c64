# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that keeps everybody waiting is found out about once; one that fails for some costs the others nothing."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.machine import Clock
from support.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core import errors, fleet
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, Reason, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.outcomes import Tenant
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.outages import Outages
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

HOST = "api.example"
SILENT = Reason(errors.UNREACHABLE, "api.example could not be reached: no answer within 30 s", "check the network")
THROTTLED = Reason(errors.THROTTLED, "api.example throttles this tenant", "run again", code="429")


class Caller:
    """One tenant's work at the host."""


class Service:
    """A host, as its callers find it. `asked` counts the calls that it got."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.outages = Outages(self.clock)
        self.asked = 0

    def call(self, caller: Caller, ending: Exception | None = None, seconds: float = 30) -> None:
        """Make a call that ends so after that many seconds."""
        with self.outages.watched(HOST, caller):
            self.asked += 1
            self.clock.sleep(seconds)
            if ending:
                raise ending

    def is_silent_for(self, caller: Caller, retries_left: bool = True) -> None:
        ending = Postponed(1, TenantError(SILENT)) if retries_left else TenantError(SILENT)
        with pytest.raises(type(ending)):
            self.call(caller, ending)

    def go_silent(self, callers: int = 5) -> list[Caller]:
        found = [Caller() for _unused in range(callers)]
        for caller in found:
            self.is_silent_for(caller)
        return found

    def holds(self, caller: Caller) -> bool:
        asked = self.asked
        with pytest.raises(Postponed) as held:
            self.call(caller)
        assert held.value.error.reason == SILENT
        return self.asked == asked

    def go_down(self) -> list[Caller]:
        first = self.go_silent()
        for _unused in range(8):
            probe = Caller()
            assert self.holds(probe)
            self.is_silent_for(probe)
        for caller in first:
            self.is_silent_for(caller, retries_left=False)
        return first


@pytest.fixture
def service() -> Service:
    return Service()


def test_a_few_that_fail_hold_nobody(service: Service) -> None:
    service.go_silent(4)
    service.call(Caller())
    assert service.asked == 5


def test_after_some_failures_the_others_are_held_and_lose_no_retry(service: Service) -> None:
    service.go_silent()
    assert service.holds(Caller())


def test_those_that_failed_go_on_with_their_own_retries(service: Service) -> None:
    callers = service.go_silent()
    for _unused in range(3):
        for caller in callers:
            service.is_silent_for(caller)
    assert service.asked == 20


def test_who_was_held_may_look_but_not_more_than_some_at_once(service: Service) -> None:
    service.go_silent()
    callers = [Caller() for _unused in range(10)]
    assert all(service.holds(caller) for caller in callers)

    def look(place: int) -> None:
        """Let each look while all before it are still looking."""
        if place == 8:
            assert all(service.holds(caller) for caller in callers[8:])
            return
        with service.outages.watched(HOST, callers[place]):
            look(place + 1)

    look(0)


@pytest.mark.parametrize("answer", [None, Postponed(60, TenantError(THROTTLED))], ids=["answer", "throttled"])
def test_one_answer_ends_it_for_all(service: Service, answer: Exception | None) -> None:
    service.go_silent()
    looks = Caller()
    assert service.holds(looks)
    if answer:
        with pytest.raises(Postponed):
            service.call(looks, answer)
    else:
        service.call(looks)
    asked = service.asked
    for _unused in range(20):
        service.call(Caller())
    assert service.asked == asked + 20


def test_a_host_that_is_down_for_all_is_no_longer_asked_for_each(service: Service) -> None:
    service.go_down()
    service.is_silent_for(Caller())
    asked = service.asked
    for _unused in range(500):
        with pytest.raises(TenantError) as failed:
            service.call(Caller())
        assert failed.value.reason == SILENT
    assert service.asked == asked


def test_a_probe_now_and_then_notices_that_it_is_back(service: Service) -> None:
    service.go_down()
    service.is_silent_for(Caller())
    service.clock.sleep(30)
    service.call(Caller())
    for _unused in range(5):
        service.call(Caller())


def test_who_has_been_served_is_never_taken_for_one_of_those(service: Service) -> None:
    served = Caller()
    service.call(served)
    service.go_down()
    asked = service.asked
    service.call(served)
    assert service.asked == asked + 1


def test_failures_that_cost_no_time_hold_nobody(service: Service) -> None:
    for _unused in range(50):
        with pytest.raises(Postponed):
            service.call(Caller(), Postponed(1, TenantError(SILENT)), seconds=0.01)
    assert service.asked == 50


def test_another_host_has_nothing_to_do_with_it(service: Service) -> None:
    service.go_down()
    with service.outages.watched("login.example", Caller()):
        pass


def test_a_fleet_asks_a_silent_service_for_some_tenants_and_all_end_alike(server: ScriptedServer) -> None:
    server.script("/a", Answer({}, delay=30))
    transport = Transport(server.ca_path, timeout=1, connections=16)

    def job(patience: Patience) -> dict[str, str]:
        return {"text": transport.send("GET", f"{server.url}/a", patience).text}

    tenants = [Tenant(f"customer-{number}", "") for number in range(300)]
    outcomes = fleet.run([(tenant, functools.partial(job, Patience(0, 0))) for tenant in tenants], 16)
    assert {outcome.state for outcome in outcomes} == {"unreachable"}
    assert {outcome.reason.meaning for outcome in outcomes if outcome.reason} == {
        f"{server.host} could not be reached: no answer within 1 s"
    }
    assert len(server.requests) < 100


def test_threads_may_share_it(service: Service) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _unused: service.call(Caller(), seconds=0), range(200)))
    assert service.asked == 200
