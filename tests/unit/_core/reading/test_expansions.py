# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from support.scripted_entra import ScriptedTenant
from support.scripted_server import Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import GRAPH_INCIDENTS
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.expansions import ExpansionQueue
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.quarantine import Quarantined
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.records import Record

PATH = GRAPH_INCIDENTS.path
NOON = 17_637_264_000_000_000
PLAIN = Record({"id": "7", "lastUpdateDateTime": "2025-11-21T12:00:00Z"}, "{}")
EXPANDED = {**PLAIN, "alerts": []}


def queue_of(tenant: ScriptedTenant, patience: Patience | None = None) -> tuple[ExpansionQueue, list[Quarantined]]:
    quarantined: list[Quarantined] = []
    queue = ExpansionQueue(tenant.listing(GRAPH_INCIDENTS, patience=patience), quarantined)
    queue.add(PLAIN, NOON - 9)
    return queue, quarantined


def test_a_record_is_asked_for_by_its_id_with_what_was_missing(tenant: ScriptedTenant) -> None:
    tenant.server.script(f"{PATH}/7", Answer(EXPANDED))
    queue, quarantined = queue_of(tenant)
    queue.add(PLAIN, NOON)
    assert (len(queue), queue.pending, queue.read_until) == (1, {NOON}, NOON - 9)
    assert (queue.expand(), len(queue), quarantined) == (EXPANDED, 0, [])
    assert tenant.asked(f"{PATH}/7")[0].query == {"$expand": "alerts"}


def test_one_that_cannot_be_expanded_comes_as_it_was_and_is_named(tenant: ScriptedTenant) -> None:
    tenant.server.script(f"{PATH}/7", Answer("", status=500))
    queue, quarantined = queue_of(tenant)
    assert (queue.expand(), len(queue), quarantined) == (PLAIN, 0, [Quarantined("7", NOON, "500")])


def test_one_that_is_gone_comes_as_it_was(tenant: ScriptedTenant) -> None:
    tenant.server.script(f"{PATH}/7", Answer({"error": {"code": "NotFound"}}, status=404))
    queue, quarantined = queue_of(tenant)
    assert (queue.expand(), quarantined) == (PLAIN, [])


def test_after_a_wait_or_a_refusal_it_is_still_in_the_queue(tenant: ScriptedTenant) -> None:
    throttled = Answer("", status=429, headers={"Retry-After": "1"})
    tenant.server.script(f"{PATH}/7", throttled, Answer({"error": {"code": "Forbidden"}}, status=403), Answer(EXPANDED))
    queue, _quarantined = queue_of(tenant, Patience(0, 10))
    with pytest.raises(Postponed):
        queue.expand()
    with pytest.raises(TenantError):
        queue.expand()
    assert (len(queue), queue.expand()) == (1, EXPANDED)
