# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Collection

import pytest
from support.scripted_entra import ScriptedTenant
from support.scripted_server import Answer, refused

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, Reason, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import XDR_INCIDENTS
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.quarantine import (
    Quarantined,
    SpoiledTick,
    is_failure,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.windows import Window
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

PATH = XDR_INCIDENTS.path
TICK = Window(17_637_264_000_000_000, 17_637_264_000_000_001)
FAILS = Answer("", status=500)
NOTHING = Answer({"value": []})


def record(identity: int) -> Answer:
    return Answer({"value": [{"incidentId": identity}]})


def read(spoiled: SpoiledTick) -> list[int]:
    ids = []
    while not spoiled.is_done:
        ids += [found["incidentId"] for found in spoiled.next_record()]
    return ids


def skips(tenant: ScriptedTenant) -> list[str]:
    assert {request.query["$top"] for request in tenant.asked()} == {"1"}
    return [request.query.get("$skip", "0") for request in tenant.asked()]


def tick_of(tenant: ScriptedTenant, poisoned: Collection[int], size: int) -> SpoiledTick:
    """A tick with so many records, over some of which the service fails."""
    answers = [FAILS if position in poisoned else record(position) for position in range(size)]
    tenant.server.script(PATH, *answers, NOTHING)
    return SpoiledTick(tenant.listing(), TICK)


@pytest.mark.parametrize("poisoned", [{0}, {39}, {17}, {3, 4, 9}, {0, 1, 38, 39}])
def test_the_bad_ones_of_a_tick_are_left_out_and_counted(tenant: ScriptedTenant, poisoned: set[int]) -> None:
    spoiled = tick_of(tenant, poisoned, 40)
    assert read(spoiled) == [position for position in range(40) if position not in poisoned]
    assert spoiled.quarantined == [Quarantined(None, TICK.start, "500")] * len(poisoned)
    assert skips(tenant) == [str(position) for position in range(41)]


def test_where_one_failure_follows_the_other_the_tick_is_given_up(tenant: ScriptedTenant) -> None:
    """A moment over which the service fails at any position has no end that could be found."""
    tenant.server.script(PATH, record(0), FAILS)
    spoiled = SpoiledTick(tenant.listing(), TICK)
    assert read(spoiled) == [0]
    assert spoiled.quarantined == [Quarantined(None, TICK.start, "500")] * 3
    assert len(tenant.asked()) == 4


def test_a_refusal_is_no_failure_of_a_record(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, refused(403, "Forbidden", "The tenant is not onboarded."))
    with pytest.raises(TenantError) as failed:
        read(SpoiledTick(tenant.listing(), TICK))
    assert failed.value.reason.state == "no_service"


def test_after_a_wait_it_goes_on_at_the_same_record(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, record(0), Answer("", status=429, headers={"Retry-After": "1"}), record(1), NOTHING)
    spoiled = SpoiledTick(tenant.listing(patience=Patience(0, 10)), TICK)
    assert spoiled.next_record() == [{"incidentId": 0}]
    with pytest.raises(Postponed):
        spoiled.next_record()
    assert read(spoiled) == [1]
    assert skips(tenant)[:4] == ["0", "1", "1", "2"]


def test_a_service_that_fails_now_and_then_is_asked_again_before_a_record_is_blamed(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, FAILS, record(0), NOTHING)
    spoiled = SpoiledTick(tenant.listing(patience=Patience(1, 0)), TICK)
    with pytest.raises(Postponed):
        spoiled.next_record()
    assert (read(spoiled), spoiled.quarantined) == ([0], [])


@pytest.mark.parametrize(
    ("state", "code", "expected"),
    [
        (errors.UNREACHABLE, "500", True),
        (errors.UNREACHABLE, "504", True),
        (errors.UNREACHABLE, None, False),
        (errors.THROTTLED, "429", False),
        (errors.ERROR, "500", False),
        (errors.ERROR, "BadRequest", False),
    ],
)
def test_only_the_service_itself_can_fail_over_a_record(state: str, code: str | None, expected: bool) -> None:
    assert is_failure(Reason(state, "meaning", "remedy", code=code)) is expected


def test_results_name_the_time_as_the_services_write_it() -> None:
    assert Quarantined("29", TICK.start, "500").to_result() == {
        "id": "29",
        "updated": "2025-11-21T12:00:00.0000000Z",
        "code": "500",
    }
