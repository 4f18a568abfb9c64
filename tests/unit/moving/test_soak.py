# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An hour of polling fifty tenants, every minute, over a service that fails at random: nothing is lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from support.scripted_entra import ScriptedEntra
from unit.moving.histories import faults
from unit.moving.polls import Poller
from unit.moving.service import ORDERS, Manner
from unit.moving.tenant import SECOND, START, Event, MovingTenant
from unit.moving.trials import Finished, tally_of

pytestmark = pytest.mark.slow

TENANTS = 50
POLLS = 60
FAULTS = 0.1


@pytest.mark.parametrize("api", ["xdr", "graph"])
def test_an_hour_of_polling_loses_nothing(moving: ScriptedEntra, tmp_path: Path, api: str) -> None:
    random = Random(5)
    tenants = {f"44444444-4444-4444-8444-{number:012}": MovingTenant() for number in range(TENANTS)}
    moving.server.tenants = {
        name: (tenant, Manner(random.choice(ORDERS), random.random() < 0.5, fault=faults(FAULTS, number)))
        for number, (name, tenant) in enumerate(tenants.items())
    }
    minute = 0
    poller = Poller(moving, tmp_path, api, lambda: START / SECOND + 60 * minute)
    finished: dict[str, list[Finished]] = {name: [] for name in tenants}
    states: Counter[str] = Counter()
    for minute in range(1, POLLS + 1):
        first = {}
        for name, tenant in tenants.items():
            tenant.now = START + 60 * minute * SECOND
            tenant.expect(changes(random))
            first[name] = tenant.request + 1
        if minute == POLLS:
            for _tenant, manner in moving.server.tenants.values():
                manner.heal()
        for name, outcome in poller.poll().items():
            states[outcome["state"]] += 1
            if outcome["state"] == "granted":
                finished[name].append(Finished.of(outcome, first[name], tenants[name]))
            tenants[name].catch_up()
    tallies = [
        tally_of(tenant, finished[name], [(record.id, record.updated) for record in poller.handed_over(name)])
        for name, tenant in tenants.items()
    ]
    print(
        f"{api}: {dict(states)}, {sum(tally.requests for tally in tallies)} requests, "
        f"{sum(len(tally.owed) for tally in tallies)} versions owed, "
        f"{sum(tally.handed_over for tally in tallies)} handed over, "
        f"{sum(tally.repeated for tally in tallies)} repeated"
    )
    assert states["granted"] > 0.9 * TENANTS * POLLS
    assert sum(len(tally.owed) for tally in tallies) > 10 * TENANTS
    assert [tally.lost for tally in tallies] == [[]] * TENANTS


def changes(random: Random) -> list[tuple[int, Event]]:
    """Return what happens to one tenant in one minute: often nothing, sometimes a burst."""
    kinds = ("create", "create", "update", "update", "resolve", "redirect")
    events = [
        Event(
            random.choice(kinds),
            random.choice((0, 1, 1000, SECOND)),
            random.choice((1, 1, 1, 3, 15)),
            random.randrange(50),
            random.choice((0, 1, 2, 7)),
        )
        for _unused in range(random.choice((0, 0, 1, 2, 3)))
    ]
    return sorted(((random.randrange(4), event) for event in events), key=lambda item: item[0])
