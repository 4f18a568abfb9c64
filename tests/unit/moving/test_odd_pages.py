# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that are cut without a word, and records with times and ids that cannot be: none of them hides another."""

from __future__ import annotations

import pytest
from support.scripted_server import Answer
from unit.moving.scene import MOMENT, Scene, ids
from unit.moving.service import ORDERS
from unit.moving.tenant import DAY, SECOND, Event

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import (
    GRAPH_ALERTS,
    GRAPH_INCIDENTS,
    XDR_INCIDENTS,
    Dialect,
)

# Pages that are cut without a word


@pytest.mark.parametrize("largest", [1, 2, 5, 27, 28, 99])
@pytest.mark.parametrize("order", [*ORDERS, "shuffled"])
@pytest.mark.parametrize("dialect", [XDR_INCIDENTS, GRAPH_INCIDENTS, GRAPH_ALERTS], ids=lambda one: one.path)
def test_what_a_smaller_page_left_behind_is_read(scene: Scene, dialect: Dialect, order: str, largest: int) -> None:
    scene.manner.hides, scene.manner.order, scene.manner.largest = True, order, largest
    for incident in range(1, 29):
        scene.tenant.put(incident, MOMENT - incident * incident * SECOND)
    reader = scene.reader(dialect)
    assert sorted(map(int, ids(reader))) == list(range(1, 29))
    assert order == "shuffled" or reader.was_cut == (largest < 28)


@pytest.mark.parametrize("largest", [2, 3, 4, 5])
@pytest.mark.parametrize("dialect", [XDR_INCIDENTS, GRAPH_INCIDENTS], ids=lambda one: one.path)
def test_links_of_a_service_without_an_order_prove_nothing_of_what_is_hidden(
    scene: Scene, dialect: Dialect, largest: int
) -> None:
    """Its last page has no link, and may show once more what an earlier one did; each round it does so otherwise."""
    scene.manner.links, scene.manner.order, scene.manner.largest = True, "shuffled", largest
    for incident in range(1, 31):
        scene.tenant.put(incident, MOMENT + incident * SECOND)
    for _round in range(10):
        assert sorted(map(int, ids(scene.reader(dialect)))) == list(range(1, 31))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("longest", [100, 1000, 5000, 20_000])
def test_what_did_not_fit_by_its_size_is_read(scene: Scene, order: str, longest: int) -> None:
    scene.manner.order, scene.manner.longest = order, longest
    for incident in range(1, 151):
        scene.tenant.put(incident, MOMENT - incident * SECOND)
    assert sorted(map(int, ids(scene.reader()))) == list(range(1, 151))


@pytest.mark.parametrize("largest", [2, 5, 1000])
def test_more_than_a_cut_page_of_one_moment_is_read(scene: Scene, largest: int) -> None:
    scene.manner.largest = largest
    for incident in range(1, 31):
        scene.tenant.put(incident, MOMENT)
    assert sorted(map(int, ids(scene.reader()))) == list(range(1, 31))


def test_a_limit_counts_behind_a_cut_page_too(scene: Scene) -> None:
    scene.manner.largest = 3
    for incident in range(1, 9):
        scene.tenant.put(incident, MOMENT + incident)
    reader = scene.reader(query={"limit": 5})
    assert (len(ids(reader)), reader.truncated) == (5, True)


def test_a_short_page_of_known_records_is_believed_where_longer_ones_came_lately(scene: Scene) -> None:
    for incident in range(1, 29):
        scene.tenant.put(incident, MOMENT + incident * SECOND)
    first = scene.reader()
    ids(first)
    before = scene.tenant.request
    quiet = scene.reader(since=MOMENT + 27 * SECOND, seen=first.seen, remembered=first.capacity)
    assert ids(quiet) == []
    assert (scene.tenant.request - before, quiet.is_proven) == (1, False)
    scene.tenant.put(29, MOMENT + 29 * SECOND)
    before = scene.tenant.request
    news = scene.reader(since=MOMENT + 27 * SECOND, seen=first.seen, remembered=first.capacity)
    assert ids(news) == ["29"]
    assert (scene.tenant.request - before, news.is_proven) == (2, True)


def test_what_came_while_it_was_asked_what_lies_behind_hides_nothing(scene: Scene) -> None:
    """The newcomer is put first, and pushes the last record that is known behind the page: nothing new is there."""
    scene.manner.largest = 1
    for incident in (1, 2):
        scene.tenant.put(incident, MOMENT + incident * SECOND)
    scene.tenant.expect([(1, Event("create", SECOND))])
    assert set(ids(scene.reader())) >= {"1", "2"}


# Times that cannot be


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("largest", [5, 1000])
def test_times_before_1970_are_read_where_all_is_asked_for(scene: Scene, order: str, largest: int) -> None:
    scene.manner.order, scene.manner.largest = order, largest
    for incident in range(1, 31):
        scene.tenant.put(incident, MOMENT - incident * DAY)
    for incident in range(31, 41):
        scene.tenant.put(incident, timestamps.FIRST + (incident % 2) * DAY)
    assert sorted(map(int, ids(scene.reader(since=0)))) == list(range(1, 41))


@pytest.mark.parametrize("largest", [2, 1000])
def test_the_last_moment_there_is_ends_the_windows(scene: Scene, largest: int) -> None:
    scene.manner.largest = largest
    scene.manner.order = "oldest first"
    for incident in range(1, 6):
        scene.tenant.put(incident, MOMENT + incident)
    for incident in range(6, 11):
        scene.tenant.put(incident, timestamps.LAST)
    assert sorted(map(int, ids(scene.reader()))) == list(range(1, 11))


def test_a_version_from_the_future_keeps_no_later_one_back(scene: Scene) -> None:
    scene.tenant.put(1, MOMENT)
    seen = {"1": timestamps.LAST}
    assert ids(scene.reader(seen=seen)) == ["1"]
    assert ids(scene.reader(seen=seen)) == []


def test_a_record_whose_time_was_lost_is_no_old_one(scene: Scene) -> None:
    answer = Answer({"value": [{"incidentId": 5, "lastUpdateTime": "soon", "n": 1}, {"incidentId": 5, "n": 2}]})
    scene.service.script(XDR_INCIDENTS.path, answer)
    scene.service.tenants = {}
    reader = scene.reader(seen={"5": MOMENT})
    assert ids(reader) == ["5", "5"]
    assert (reader.timeless, reader.seen) == (2, {"5": MOMENT})


def test_records_without_ids_do_not_hide_each_other(scene: Scene) -> None:
    time = timestamps.render(MOMENT)
    records = [{"incidentId": None, "lastUpdateTime": time, "n": number} for number in range(3)]
    scene.service.script(XDR_INCIDENTS.path, Answer({"value": records}), Answer({"value": []}))
    scene.service.tenants = {}
    assert len(ids(scene.reader())) == 3
