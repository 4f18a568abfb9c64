# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a first read of a quiet tenant costs: a thousand incidents of thirty days."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from unit.moving.polls import Poller
from unit.moving.service import ORDERS, Manner
from unit.moving.tenant import DAY, SECOND, START, MovingTenant
from unit.scripted_entra import TENANT, ScriptedEntra

INCIDENTS = 1000
MOST_REQUESTS = {"xdr": 30, "graph": 50}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("api", ["xdr", "graph"])
def test_a_first_read_takes_few_requests(moving: ScriptedEntra, tmp_path: Path, api: str, order: str) -> None:
    random = Random(1)
    tenant = MovingTenant()
    for incident in range(1, INCIDENTS + 1):
        tenant.put(incident, START - random.randrange(30 * DAY))
    moving.server.tenants = {TENANT: (tenant, Manner(order))}
    outcome = Poller(moving, tmp_path, api, lambda: tenant.now / SECOND).poll()[TENANT]
    print(f"{api}, {order}: {tenant.request} requests for {INCIDENTS} incidents")
    assert outcome["count"] == INCIDENTS
    assert tenant.request <= MOST_REQUESTS[api]
