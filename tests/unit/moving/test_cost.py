# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a first read of a quiet tenant costs in list calls, beside the fewest that could bring as many records.

pytest's -rP prints the figures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from support.scripted_entra import TENANT, ScriptedEntra
from unit.moving.polls import Poller
from unit.moving.service import ORDERS, Manner
from unit.moving.tenant import DAY, SECOND, START, MovingTenant

PAGE = {"xdr": 100, "graph": 50}


def tied() -> list[int]:
    """127 incidents with 71 times: 43 were updated at one moment, a few others in pairs."""
    random = Random(1)
    alone = [START - random.randrange(29 * DAY) for _unused in range(70)]
    return [START - 9 * DAY] * 43 + alone + alone[:14]


def evenly_spread() -> list[int]:
    """2,900 incidents of 29 days, each after the same pause."""
    return [START - number * DAY // 100 for number in range(2900)]


def at_random() -> list[int]:
    """2,900 incidents of 29 days, at any moment."""
    random = Random(1)
    return [START - random.randrange(29 * DAY) for _unused in range(2900)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("times", "api", "most"),
    [
        (tied, "xdr", 6),
        (tied, "graph", 10),
        (evenly_spread, "xdr", 41),
        (evenly_spread, "graph", 81),
        (at_random, "xdr", 41),
        (at_random, "graph", 81),
    ],
)
def test_a_first_read_takes_few_calls(
    moving: ScriptedEntra, tmp_path: Path, api: str, order: str, times: Callable[[], list[int]], most: int
) -> None:
    tenant, moments = MovingTenant(), times()
    for incident, moment in enumerate(Random(2).sample(moments, len(moments)), 1):
        tenant.put(incident, moment)
    moving.server.tenants = {TENANT: (tenant, Manner(order))}
    outcome = Poller(moving, tmp_path, api, lambda: tenant.now / SECOND).poll()[TENANT]
    whole_pages = -(-len(moments) // PAGE[api])
    print(f"{api}, {times.__name__}, {order}: {tenant.request} list calls, {whole_pages} whole pages")
    assert outcome["count"] == len(moments)
    assert tenant.request <= most
