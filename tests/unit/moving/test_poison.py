# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records over which the service fails: left out by name, tried again, and never at the cost of their neighbours."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from support.scripted_entra import TENANT, ScriptedEntra, token_path
from unit.moving.polls import ACCESS, HandedOver, Poller
from unit.moving.service import FAILURE, ORDERS, Manner
from unit.moving.tenant import DAY, SECOND, START, MovingTenant, written

MANY = 300
BAD = 111
PER_ATTEMPT = 5
"""Requests that one failure is worth: the first, three repeats, and the question whether the service is down."""


class Watched:
    """A tenant with incidents of random times, and who polls it."""

    def __init__(self, moving: ScriptedEntra, folder: Path, api: str, **options: Any) -> None:
        self.tenant = MovingTenant()
        self.manner = Manner()
        moving.server.tenants = {TENANT: (self.tenant, self.manner)}
        self._poller = Poller(moving, folder, api, lambda: self.tenant.now / SECOND)
        self._poller.options = options

    def fill(self, incidents: int) -> None:
        random = Random(7)
        for incident in range(1, incidents + 1):
            self.tenant.put(incident, START - random.randrange(29 * DAY))

    def tie(self, incidents: int, moment: int) -> None:
        for incident in range(1, incidents + 1):
            self.tenant.put(incident, moment)

    def poll(self) -> dict[str, Any]:
        self.tenant.now += 60 * SECOND
        return self._poller.poll()[TENANT]

    def handed_over(self) -> list[HandedOver]:
        return self._poller.handed_over(TENANT)

    def ids(self) -> list[int]:
        return sorted(int(record.id) for record in self.handed_over())

    def named(self, incident: int, identity: str | None = None) -> dict[str, Any]:
        """Return how the result names an incident that was left out."""
        return {"id": identity, "updated": written(self.tenant.current[incident].updated, 7), "code": "500"}


@pytest.fixture
def xdr(moving: ScriptedEntra, tmp_path: Path) -> Watched:
    return Watched(moving, tmp_path, "xdr")


@pytest.fixture
def graph(moving: ScriptedEntra, tmp_path: Path) -> Watched:
    return Watched(moving, tmp_path, "graph", alerts=True)


def all_but(bad: int, incidents: int = MANY) -> list[int]:
    return [incident for incident in range(1, incidents + 1) if incident != bad]


@pytest.mark.parametrize("order", ORDERS)
def test_one_bad_incident_costs_no_other(xdr: Watched, order: str) -> None:
    xdr.fill(MANY)
    xdr.manner.order = order
    xdr.manner.spoiling = {BAD}
    first = xdr.poll()
    assert (first["state"], first["count"], first["quarantined"]) == ("granted", MANY - 1, [xdr.named(BAD)])
    assert xdr.ids() == all_but(BAD)
    assert xdr.tenant.request < 120
    again = xdr.poll()
    assert (again["state"], again["count"], again["quarantined"]) == ("granted", 0, [xdr.named(BAD)])
    xdr.manner.heal()
    healed = xdr.poll()
    assert (healed["count"], healed["quarantined"]) == (1, [])
    assert xdr.ids() == list(range(1, MANY + 1))


def test_what_is_left_out_is_tried_again_at_a_small_price(xdr: Watched) -> None:
    xdr.fill(MANY)
    xdr.manner.spoiling = {BAD}
    xdr.poll()
    before = xdr.tenant.request
    xdr.poll()
    # the moment alone, the incident alone, nothing behind it, and what is new
    assert xdr.tenant.request - before <= 2 * PER_ATTEMPT + 2


def test_graph_tells_the_name_of_what_the_xdr_api_cannot_send(moving: ScriptedEntra, xdr: Watched) -> None:
    xdr.fill(MANY)
    xdr.manner.heavy = {BAD}
    tokens = [moving.granting(moving.token(**ACCESS[api])) for api in ("xdr", "graph")]
    moving.server.script(token_path(), *tokens)
    assert xdr.poll()["quarantined"] == [xdr.named(BAD, str(BAD))]
    assert xdr.ids() == all_but(BAD)


@pytest.mark.parametrize("order", ORDERS)
def test_where_the_alerts_of_one_cannot_be_listed_only_these_are_missing(graph: Watched, order: str) -> None:
    graph.fill(MANY)
    graph.manner.order = order
    graph.manner.heavy = {BAD}
    first = graph.poll()
    assert (first["state"], first["count"]) == ("granted", MANY)
    assert first["quarantined"] == [graph.named(BAD, str(BAD))]
    assert graph.ids() == list(range(1, MANY + 1))
    assert [record.id for record in graph.handed_over() if not record.has_alerts] == [str(BAD)]
    assert graph.tenant.request < 120
    again = graph.poll()
    assert (again["count"], again["quarantined"]) == (0, [graph.named(BAD, str(BAD))])
    graph.manner.heal()
    healed = graph.poll()
    assert (healed["count"], healed["quarantined"]) == (1, [])
    assert graph.handed_over()[-1] == HandedOver(str(BAD), graph.tenant.current[BAD].updated, True)


@pytest.mark.parametrize("retries", [0, 3])
def test_a_service_that_is_down_is_no_poison(xdr: Watched, retries: int) -> None:
    xdr.fill(MANY)
    xdr.manner.fault = lambda: FAILURE
    xdr._poller.options = {"retries": retries}
    down = xdr.poll()
    assert (down["state"], down["code"]) == ("unreachable", "500")
    assert "quarantined" not in down
    assert xdr.tenant.request == retries + 2
    xdr.manner.heal()
    assert xdr.poll()["state"] == "granted"
    assert xdr.ids() == list(range(1, MANY + 1))


def test_a_service_that_goes_down_on_the_way_is_no_poison(graph: Watched) -> None:
    graph.fill(MANY)
    graph.manner.fault = lambda: FAILURE if graph.tenant.request > 5 else None
    down = graph.poll()
    assert (down["state"], 0 < down["count"] < MANY) == ("unreachable", True)
    assert "quarantined" not in down
    assert graph.tenant.request <= 5 + PER_ATTEMPT
    graph.manner.heal()
    assert graph.poll()["state"] == "granted"
    assert graph.ids() == list(range(1, MANY + 1))


def test_one_of_forty_that_were_updated_at_one_moment(xdr: Watched) -> None:
    xdr.tie(40, START - DAY)
    xdr.manner.spoiling = {23}
    first = xdr.poll()
    assert (first["count"], first["quarantined"]) == (39, [xdr.named(23)])
    assert xdr.ids() == all_but(23, 40)
    assert xdr.poll()["count"] == 0
    xdr.manner.heal()
    assert xdr.poll()["count"] == 1
    assert xdr.ids() == list(range(1, 41))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("api", ["xdr", "graph"])
def test_more_than_two_pages_of_one_moment(moving: ScriptedEntra, tmp_path: Path, api: str, order: str) -> None:
    watched = Watched(moving, tmp_path, api)
    watched.tie(250, START - DAY)
    watched.manner.order = order
    assert watched.poll()["count"] == 250
    assert watched.ids() == list(range(1, 251))
    assert watched.tenant.request < 60


def test_many_bad_incidents_cost_a_bounded_number_of_requests(xdr: Watched) -> None:
    xdr.fill(MANY)
    xdr.manner.spoiling = set(range(5, MANY, 30))
    result = xdr.poll()
    assert result["count"] == MANY - 10
    assert len(result["quarantined"]) == 10
    assert xdr.tenant.request < 800


def test_without_an_end_for_its_windows_the_failure_is_told(xdr: Watched) -> None:
    """A service without `lt` leaves no way to tell the bad one apart: then nothing is passed off as whole, nor lost."""
    xdr.fill(MANY)
    xdr.manner.refuses = ("lt",)
    xdr.manner.spoiling = {BAD}
    result = xdr.poll()
    assert (result["state"], result["code"]) == ("unreachable", "500")
    xdr.manner.heal()
    assert xdr.poll()["state"] == "granted"
    assert xdr.ids() == list(range(1, MANY + 1))
