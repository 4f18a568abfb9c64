# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading

import pytest
from support.machine import Clock

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.customers import domains
from ansible_collections.mssp.defender.plugins.module_utils._core.customers.domains import Lookup
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, Reason, TenantError

UNREACHABLE = TenantError(Reason(errors.UNREACHABLE, "the host is away", "check the network"))
UNKNOWN = TenantError(Reason(errors.UNKNOWN_TENANT, "there is no such tenant", "correct it"))
DOMAINS = [f"customer-{number}.example" for number in range(40)]


class Registry:
    """Knows every domain as its own tenant, but for what `says` of it: an error, or None. Counts what it is asked."""

    def __init__(self, **says: Exception | None) -> None:
        self._says = {name.replace("_", "-") + ".example": answer for name, answer in says.items()}
        self.asked: list[str] = []
        self.patiences = 0
        self._lock = threading.Lock()

    def look_up(self) -> Lookup:
        self.patiences += 1
        return self._find

    def _find(self, domain: str) -> str | None:
        with self._lock:
            self.asked.append(domain)
            answer = self._says.get(domain, domain) if domain in self._says else domain
            if isinstance(answer, Postponed):
                del self._says[domain]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_each_domain_is_asked_for_once_with_patience_of_its_own() -> None:
    registry = Registry()
    assert domains.resolve(DOMAINS, registry.look_up, 4) == {domain: domain for domain in DOMAINS}
    assert sorted(registry.asked) == sorted(DOMAINS)
    assert registry.patiences == len(DOMAINS)


def test_no_domain_needs_no_service() -> None:
    assert domains.resolve([], Registry().look_up, 4) == {}


def test_a_domain_without_a_tenant_has_none_and_spoils_no_other() -> None:
    registry = Registry(customer_3=UNKNOWN, customer_5=None)
    found = domains.resolve(DOMAINS, registry.look_up, 4)
    assert {domain for domain, tenant in found.items() if tenant is None} == {DOMAINS[3], DOMAINS[5]}


def test_a_domain_that_must_wait_is_asked_for_again(clock: Clock) -> None:
    assert clock.pauses == []
    registry = Registry(customer_3=Postponed(0.01, UNREACHABLE))
    assert domains.resolve(DOMAINS, registry.look_up, 4)[DOMAINS[3]] == DOMAINS[3]
    assert registry.asked.count(DOMAINS[3]) == 2


def test_a_service_that_cannot_be_reached_is_asked_once() -> None:
    registry = Registry(customer_0=UNREACHABLE)
    with pytest.raises(TenantError, match="the host is away"):
        domains.resolve(DOMAINS, registry.look_up, 4)
    assert registry.asked == [DOMAINS[0]]


def test_a_failure_on_the_way_is_no_unknown_domain_and_ends_the_asking() -> None:
    registry = Registry(customer_1=UNREACHABLE)
    with pytest.raises(TenantError, match="the host is away"):
        domains.resolve(DOMAINS, registry.look_up, 1)
    assert registry.asked == DOMAINS[:2]
