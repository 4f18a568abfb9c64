# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader against a service that moves, spoils pages, redirects and refuses. For histories see tests/unit/moving."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.scripted_server import RESET, Answer
from unit.moving.scene import MOMENT, SINCE, Scene, ids
from unit.moving.service import FAILURE, ORDERS
from unit.moving.tenant import DAY, SECOND, START, Event

from ansible_collections.mssp.defender.plugins.module_utils._core import errors, timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, RefusedRequest, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.reading import reader as reader_module
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import (
    GRAPH_INCIDENTS,
    XDR_INCIDENTS,
    Dialect,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.quarantine import Quarantined
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience


def test_what_is_known_is_not_handed_out_and_what_changed_since_is(scene: Scene) -> None:
    for incident in (1, 2, 3):
        scene.tenant.put(incident, MOMENT + incident)
    seen = {"1": MOMENT + 1, "2": MOMENT}
    reader = scene.reader(seen=seen)
    assert sorted(ids(reader)) == ["2", "3"]
    assert seen == {"1": MOMENT + 1, "2": MOMENT + 2, "3": MOMENT + 3}
    assert (reader.count, reader.truncated, reader.quarantined, reader.left_out) == (2, False, [], [])


@pytest.mark.parametrize("dialect", [XDR_INCIDENTS, GRAPH_INCIDENTS])
def test_an_incident_updated_while_others_are_read_is_read_again(scene: Scene, dialect: Dialect) -> None:
    for incident in range(1, 301):
        scene.tenant.put(incident, MOMENT - incident * SECOND)
    scene.tenant.expect([(3, Event("update", 0, first=299))])
    seen: dict[str, int] = {}
    found = ids(scene.reader(dialect, seen=seen))
    assert set(map(int, found)) == set(range(1, 301))
    assert seen == {version.key[0]: version.updated for version in scene.tenant.current.values()}


@pytest.mark.parametrize("order", ORDERS)
def test_where_windows_cannot_end_all_is_read_until_two_readings_agree(scene: Scene, order: str) -> None:
    scene.manner.order = order
    scene.manner.refuses = ("lt",)
    for incident in range(1, 251):
        scene.tenant.put(incident, MOMENT - incident)
    scene.tenant.expect([(4, Event("update", SECOND, first=5)), (5, Event("update", SECOND, count=30, first=100))])
    reader = scene.reader()
    assert set(ids(reader)) == {str(incident) for incident in range(1, 251)}
    assert reader.read_until <= START


def test_a_service_that_overlooks_the_end_of_a_window_is_read_by_pages(scene: Scene) -> None:
    scene.manner.order, scene.manner.overlooks = "arbitrary", ("lt",)
    for incident in range(1, 251):
        scene.tenant.put(incident, MOMENT - incident)
    assert sorted(map(int, ids(scene.reader()))) == list(range(1, 251))
    assert sum(" lt " in asked for asked in scene.filters()) == 1


def test_a_last_page_that_is_full_is_the_last_of_linked_ones(scene: Scene) -> None:
    for incident in range(1, 101):
        scene.tenant.put(incident, MOMENT)
    assert len(ids(scene.reader(GRAPH_INCIDENTS))) == 100


def test_behind_more_than_a_page_of_one_moment_the_windows_grow_again(scene: Scene) -> None:
    for incident in range(1, 121):
        scene.tenant.put(incident, SINCE)
    for incident in range(121, 221):
        scene.tenant.put(incident, SINCE + (incident - 120) * 3 * SECOND)
    assert len(ids(scene.reader())) == 220
    assert scene.tenant.request < 40


def test_records_that_tell_no_time_are_handed_out(scene: Scene) -> None:
    scene.service.script(XDR_INCIDENTS.path, Answer({"value": [{"incidentId": 5}]}))
    scene.service.tenants = {}
    reader = scene.reader()
    assert ids(reader) == ["5"]


def test_after_a_wait_reading_goes_on_where_it_was(scene: Scene) -> None:
    for incident in range(1, 151):
        scene.tenant.put(incident, MOMENT - incident * SECOND)
    answers = [None, Answer("", 429, {"Retry-After": "1"}), None, Answer(fault=RESET)]
    scene.manner.fault = lambda: answers.pop(0) if answers else None
    reader = scene.reader(patience=Patience(1, 10))
    found = []
    for _unused in range(2):
        with pytest.raises(Postponed):
            found += ids(reader)
    found += ids(reader)
    assert reader.count == 150
    assert answers == []


def test_what_has_been_handed_out_is_told_where_a_read_cannot_finish(scene: Scene) -> None:
    for incident in range(1, 2001):
        scene.tenant.put(incident, MOMENT + incident * SECOND)
    scene.manner.fault = lambda: FAILURE if scene.tenant.request > 20 else None
    reader = scene.reader(since=MOMENT)
    with pytest.raises(TenantError) as caught:
        ids(reader)
    assert (caught.value.reason.state, caught.value.reason.code) == (errors.UNREACHABLE, "500")
    before = {version.key[0] for version in scene.tenant.versions if version.updated < reader.read_until}
    assert 0 < len(before) < 2000
    assert set(reader.seen) >= before


@pytest.mark.parametrize(("limit", "given"), [(1, 1), (7, 7), (8, 8), (9, 8)])
def test_a_limit_cuts_off_and_says_so(scene: Scene, limit: int, given: int) -> None:
    for incident in range(1, 9):
        scene.tenant.put(incident, MOMENT + incident)
    reader = scene.reader(query={"limit": limit})
    assert len(ids(reader)) == given
    assert reader.truncated == (limit < 8)


def test_a_filter_that_the_service_refuses_is_told_with_its_message(scene: Scene) -> None:
    scene.manner.refuses = ("eq",)
    with pytest.raises(RefusedRequest) as caught:
        ids(scene.reader(query={"raw_filter": "status eq 'Nonsense'"}))
    assert "The operator 'eq' is not supported" in caught.value.reason.meaning


# Redirections


@pytest.mark.parametrize("target", ["../../secret?x=", "..", " ", {"a": 1}, "8/../9"])
def test_a_target_that_is_no_id_is_told_and_never_asked_for(scene: Scene, target: Any) -> None:
    record = {"incidentId": 1, "lastUpdateTime": timestamps.render(MOMENT), "redirectIncidentId": target}
    scene.service.script(XDR_INCIDENTS.path, Answer({"value": [record]}), Answer({"value": []}))
    scene.service.tenants = {}
    reader = scene.reader()
    assert ids(reader) == ["1"]
    assert reader.redirects == [{"id": "1", "target": str(target), "found": False}]
    assert {request.path for request in scene.service.requests if "Authorization" in request.headers} == {
        XDR_INCIDENTS.path
    }


def test_a_target_that_the_query_does_not_reach_is_read_by_its_id(scene: Scene) -> None:
    scene.tenant.put(2, SINCE - DAY)
    scene.redirect(1, 2)
    reader = scene.reader()
    assert ids(reader) == ["1", "2"]
    assert reader.redirects == [{"id": "1", "target": "2", "found": True}]


def test_a_chain_is_followed_to_its_end_and_a_circle_once_round(scene: Scene) -> None:
    scene.tenant.put(3, SINCE - DAY)
    scene.redirect(2, 3, SINCE - DAY)
    scene.redirect(1, 2)
    scene.redirect(4, 5)
    scene.redirect(5, 4, SINCE - DAY)
    reader = scene.reader()
    assert sorted(ids(reader)) == ["1", "2", "3", "4", "5"]
    ends = {one["id"]: (one["target"], one["found"]) for one in reader.redirects}
    assert (ends["1"], ends["2"], ends["4"][1]) == (("3", True), ("3", True), False)


def test_a_target_that_is_not_there_is_reported_and_asked_for_once(scene: Scene) -> None:
    scene.redirect(1, 99)
    reader = scene.reader()
    assert ids(reader) == ["1"]
    assert reader.redirects == [{"id": "1", "target": "99", "found": False}]
    assert reader.left_out == []


def test_a_target_that_cannot_be_sent_is_owed_to_the_next_read(scene: Scene) -> None:
    scene.tenant.put(2, SINCE - DAY)
    scene.redirect(1, 2)
    scene.manner.spoiling = {2}
    first = scene.reader()
    assert ids(first) == ["1"]
    assert first.redirects == [{"id": "1", "target": "2", "found": False}]
    assert first.left_out == [Quarantined("1", MOMENT, "redirected")]
    scene.manner.heal()
    second = scene.reader(since=MOMENT + DAY, seen=first.seen, owed=first.left_out)
    assert ids(second) == ["2"]
    assert second.left_out == []


@pytest.mark.parametrize("expands", [False, True])
def test_what_leads_to_a_target_that_cannot_be_sent_is_handed_out_once(scene: Scene, expands: bool) -> None:
    scene.tenant.put(2, SINCE - DAY)
    scene.redirect(1, 2)
    scene.manner.spoiling = {2}
    reader = scene.reader(expands=expands)
    assert ids(reader) == ["1"]
    for _again in range(2):
        reader = scene.reader(expands=expands, since=MOMENT + DAY, seen=reader.seen, owed=reader.left_out)
        assert ids(reader) == []
    assert reader.left_out == [Quarantined("1", MOMENT, "redirected")]


def test_a_redirection_that_a_failure_cut_off_is_owed_to_the_next_read(scene: Scene) -> None:
    scene.tenant.put(2, SINCE - DAY)
    scene.redirect(1, 2)
    scene.manner.fault = lambda: Answer("", 429) if scene.tenant.request > 1 else None
    first = scene.reader(patience=Patience(0, 0))
    with pytest.raises(TenantError):
        ids(first)
    scene.manner.heal()
    assert ids(scene.reader(since=MOMENT + DAY, seen=first.seen, owed=first.left_out)) == ["2"]


def test_a_service_that_sends_another_record_than_the_target_does_not_keep_us_for_ever(scene: Scene) -> None:
    scene.redirect(1, 2)
    scene.manner.instead = {2: 3}
    scene.tenant.put(2, SINCE - DAY)
    scene.tenant.put(3, SINCE - DAY)
    reader = scene.reader()
    assert ids(reader) == ["1", "3"]
    assert reader.redirects == [{"id": "1", "target": "2", "found": False}]


# What spoils a page


def test_a_bad_record_is_left_out_by_its_time_and_owed(scene: Scene) -> None:
    for incident in range(1, 31):
        scene.tenant.put(incident, MOMENT + incident * SECOND)
    scene.manner.spoiling = {17}
    reader = scene.reader()
    assert sorted(map(int, ids(reader))) == [incident for incident in range(1, 31) if incident != 17]
    bad = Quarantined(None, MOMENT + 17 * SECOND, "500")
    assert (reader.quarantined, reader.left_out) == ([bad], [bad])


def test_what_is_owed_and_lies_before_the_window_is_read_first_and_alone(scene: Scene) -> None:
    scene.tenant.put(1, MOMENT)
    scene.tenant.put(2, MOMENT + DAY // 2)
    reader = scene.reader(since=MOMENT + SECOND, owed=[Quarantined(None, MOMENT, "500")])
    assert ids(reader) == ["1", "2"]
    asked = [text.partition(" and ")[0] for text in dict.fromkeys(scene.filters())]
    assert asked == [f"lastUpdateTime ge {timestamps.render(moment)}" for moment in (MOMENT, MOMENT + SECOND)]
    assert scene.tenant.request == 5


def test_what_a_read_did_not_come_to_stays_owed(scene: Scene) -> None:
    scene.manner.fault = lambda: Answer("", 429)
    owed = [Quarantined(None, MOMENT, "500"), Quarantined("7", MOMENT + DAY // 2, "500")]
    reader = scene.reader(since=MOMENT + SECOND, owed=owed)
    with pytest.raises(TenantError):
        ids(reader)
    assert reader.left_out == owed


def test_of_one_whose_alerts_cannot_be_sent_the_rest_is_handed_out_once(scene: Scene) -> None:
    for incident in range(1, 61):
        scene.tenant.put(incident, MOMENT + incident * SECOND)
    scene.manner.heavy = {17}
    first = scene.reader(GRAPH_INCIDENTS, expands=True)
    found = [record for page in first.pages() for record in page]
    assert sorted(int(record["id"]) for record in found) == list(range(1, 61))
    assert [record["id"] for record in found if "alerts" not in record] == ["17"]
    assert first.left_out == first.quarantined == [Quarantined("17", MOMENT + 17 * SECOND, "500")]
    again = scene.reader(GRAPH_INCIDENTS, expands=True, seen=first.seen, owed=first.left_out)
    assert ids(again) == []
    assert again.left_out == first.left_out
    scene.manner.heal()
    healed = scene.reader(GRAPH_INCIDENTS, expands=True, seen=first.seen, owed=first.left_out)
    assert [(record["id"], "alerts" in record) for page in healed.pages() for record in page] == [("17", True)]
    assert healed.left_out == []


def test_what_is_owed_stays_owed_until_it_has_come_with_its_alerts(scene: Scene) -> None:
    """It lies before the time that the read goes back to: nothing else would bring it again."""
    for incident in (1, 2):
        scene.tenant.put(incident, MOMENT)
    scene.manner.heavy = {1}
    scene.manner.fault = lambda: Answer("", 429) if scene.tenant.request > 4 else None
    owed = [Quarantined(None, MOMENT, "500")]
    reader = scene.reader(GRAPH_INCIDENTS, expands=True, since=MOMENT + DAY, owed=owed)
    with pytest.raises(TenantError):
        ids(reader)
    assert "2" not in reader.seen
    assert owed[0] in reader.left_out


def test_where_windows_cannot_end_a_failure_is_told_as_what_it_is(scene: Scene) -> None:
    scene.tenant.put(1, MOMENT)
    scene.manner.refuses = ("lt",)
    scene.manner.spoiling = {1}
    with pytest.raises(TenantError) as caught:
        ids(scene.reader())
    assert (caught.value.reason.state, caught.value.reason.code) == (errors.UNREACHABLE, "500")


def test_a_record_ahead_of_this_machines_clock_can_be_told_apart(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "time", SimpleNamespace(time=lambda: START / SECOND))
    scene.tenant.put(1, START + DAY // 2)
    scene.tenant.put(2, START + 3 * DAY)
    scene.manner.spoiling = {1}
    reader = scene.reader()
    assert ids(reader) == ["2"]
    assert reader.quarantined == [Quarantined(None, START + DAY // 2, "500")]
