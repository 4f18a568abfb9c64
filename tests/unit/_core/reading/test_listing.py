# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support.scripted_entra import ScriptedTenant
from support.scripted_server import CUT_OFF, Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import (
    GRAPH_ALERTS,
    GRAPH_INCIDENTS,
    XDR_INCIDENTS,
    Dialect,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.queries import Query
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.windows import Window
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.records import Record

PATH = XDR_INCIDENTS.path
ALL = Window(0, None)
NOON = 17_637_264_000_000_000
PREFER = "include-unknown-enum-members"
NEXT = "https://elsewhere.example/next"


def test_records_are_passed_through_as_they_were_sent(tenant: ScriptedTenant) -> None:
    record = {"incidentId": 924565, "alerts": [{"entities": [{"verdict": None}]}], "unknownField": "ü"}
    tenant.server.script(PATH, Answer({"@odata.context": "c", "value": [record]}))
    page = tenant.listing().page(ALL)
    assert (page.records, page.link, page.is_whole, page.is_cut) == ([record], None, False, False)
    assert tenant.asked()[0].query == {"$top": "100"}


def test_a_window_becomes_a_filter(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, Answer({"value": []}))
    tenant.listing(query=Query(status=("Active",))).page(Window(NOON, NOON + 1), skip=40, size=1)
    assert tenant.asked()[0].query == {
        "$top": "1",
        "$skip": "40",
        "$filter": (
            "status eq 'Active' and lastUpdateTime ge 2025-11-21T12:00:00.0000000Z "
            "and lastUpdateTime lt 2025-11-21T12:00:00.0000001Z"
        ),
    }


@pytest.mark.parametrize(
    ("count", "size", "others", "whole_cut"),
    [
        (0, None, {}, (True, False)),
        (99, None, {}, (False, False)),
        (100, None, {}, (False, True)),
        (2, None, {"@odata.nextLink": NEXT}, (False, True)),
        (0, None, {"@odata.nextLink": NEXT}, (False, True)),
        (1, 1, {}, (False, True)),
        (0, 1, {}, (True, False)),
        (2, None, {"@odata.count": 3}, (False, True)),
        (0, None, {"@odata.count": 3}, (False, True)),
        (2, None, {"@odata.count": "many"}, (False, False)),
    ],
)
def test_only_an_empty_page_proves_by_itself_that_there_is_no_more(
    tenant: ScriptedTenant, count: int, size: int | None, others: dict[str, Any], whole_cut: tuple[bool, bool]
) -> None:
    tenant.server.script(PATH, Answer({"value": [{"incidentId": number} for number in range(count)], **others}))
    page = tenant.listing().page(ALL, size=size)
    assert (len(page.records), page.link) == (count, others.get("@odata.nextLink"))
    assert (page.is_whole, page.is_cut) == whole_cut


@pytest.mark.parametrize(("first", "second", "is_whole"), [(100, 90, True), (20, 10, True), (20, 20, False)])
def test_a_page_is_whole_that_is_far_shorter_than_others_were(
    tenant: ScriptedTenant, first: int, second: int, is_whole: bool
) -> None:
    sent = [Answer({"value": [{"incidentId": number} for number in range(count)]}) for count in (first, second)]
    tenant.server.script(PATH, *sent)
    listing = tenant.listing()
    assert (listing.page(ALL).is_whole, listing.page(ALL).is_whole) == (False, is_whole)


def test_a_page_without_a_link_is_the_last_where_the_service_links_its_pages(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, Answer({"value": [{}], "@odata.nextLink": NEXT}), Answer({"value": [{}]}))
    listing = tenant.listing()
    assert (listing.page(ALL).is_whole, listing.page(ALL).is_whole) == (False, True)


def test_a_link_is_asked_as_it_comes(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, Answer({"value": []}))
    tenant.listing(query=Query(status=("Active",))).page_at(f"{tenant.server.url}{PATH}?$skiptoken=abc")
    assert tenant.asked()[0].query == {"$skiptoken": "abc"}


@pytest.mark.parametrize(("dialect", "size"), [(GRAPH_INCIDENTS, "50"), (GRAPH_ALERTS, "200")])
def test_graph_is_asked_in_its_own_words(tenant: ScriptedTenant, dialect: Dialect, size: str) -> None:
    tenant.server.script(dialect.path, Answer({"value": [{"id": "1", "status": "active"}]}))
    listing = tenant.listing(dialect, Query(status=("InProgress",)))
    listing.page(ALL)
    listing.page_at(f"{tenant.server.url}{dialect.path}?$skiptoken=abc")
    first, second = tenant.asked(dialect.path)
    assert first.query == {"$top": size, "$filter": "status eq 'inProgress'"}
    assert first.headers["Prefer"] == second.headers["Prefer"] == PREFER


def test_alerts_are_expanded_where_they_do_not_come_by_themselves(tenant: ScriptedTenant) -> None:
    for dialect in (GRAPH_INCIDENTS, XDR_INCIDENTS):
        tenant.server.script(dialect.path, Answer({"value": []}))
        tenant.listing(dialect).page(ALL, expands=True)
    assert tenant.asked(GRAPH_INCIDENTS.path)[0].query == {"$top": "50", "$expand": "alerts"}
    assert tenant.asked()[0].query == {"$top": "100"}


def test_one_record_is_read_by_its_id(tenant: ScriptedTenant) -> None:
    path = f"{GRAPH_INCIDENTS.path}/29"
    tenant.server.script(path, Answer({"@odata.context": "c", "id": "29", "displayName": "Grüße"}))
    listing = tenant.listing(GRAPH_INCIDENTS)
    record = listing.record("29", expands=True)
    assert isinstance(record, Record)
    assert record == {"id": "29", "displayName": "Grüße"}
    assert record.line() == '{"id": "29", "displayName": "Grüße"}\n'
    listing.record("29")
    first, second = tenant.asked(path)
    assert (first.query, second.query, first.headers["Prefer"]) == ({"$expand": "alerts"}, {}, PREFER)


@pytest.mark.parametrize("identity", ["../../secret?x=", "..", "", "a/b", "7?x", "%2e%2e", "7\n", "ä", "7" * 201])
def test_what_is_no_id_is_never_asked_for(tenant: ScriptedTenant, identity: str) -> None:
    assert tenant.listing().record(identity) is None
    assert tenant.server.requests == []


@pytest.mark.parametrize("value", [None, True, "", 2.5, [7], {"a": 1}])
def test_a_record_without_a_usable_id_is_told_from_all_others(tenant: ScriptedTenant, value: Any) -> None:
    tenant.server.script(PATH, Answer({"value": [{"incidentId": value, "n": 1}, {"incidentId": value, "n": 2}]}))
    listing = tenant.listing()
    one, other = listing.page(ALL).records
    assert len({listing.version(one), listing.version(other), ("7", "None")}) == 3


def test_half_of_a_character_in_a_single_record_can_be_written_down(tenant: ScriptedTenant) -> None:
    tenant.server.script(f"{PATH}/7", Answer('{"incidentId": 7, "incidentName": "cut \\ud83d"}'))
    record = tenant.listing().record("7")
    assert record is not None
    assert json.loads(record.line().encode()) == {"incidentId": 7, "incidentName": "cut \ud83d"}


def test_a_record_that_is_not_there_is_none(tenant: ScriptedTenant) -> None:
    tenant.server.script(f"{PATH}/29", Answer({"error": {"code": "NotFound"}}, status=404))
    assert tenant.listing().record("29") is None


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer("<html>"), "unreachable"),
        (Answer([]), "unreachable"),
        (Answer({}), "error"),
        (Answer({"value": {}}), "error"),
        (Answer({"value": None}), "error"),
        (Answer({"value": [7, None]}), "error"),
        (Answer({"value": []}, fault=CUT_OFF), "unreachable"),
        (Answer({"error": {}}, status=500), "unreachable"),
    ],
)
def test_an_answer_that_is_no_list_of_incidents_ends_the_tenant(
    tenant: ScriptedTenant, answer: Answer, state: str
) -> None:
    tenant.server.script(PATH, answer)
    with pytest.raises(TenantError) as failed:
        tenant.listing().page(ALL)
    assert failed.value.reason.state == state
    assert tenant.server.host in failed.value.reason.meaning


@pytest.mark.parametrize(
    "value",
    ["NaN", "-Infinity", "1e999", "9" * 5000, "[" * 50_000 + "]" * 50_000],
    ids=["not a number", "infinity", "too large", "too many digits", "too deep"],
)
def test_values_that_no_result_could_hold_are_the_tenants_error(tenant: ScriptedTenant, value: str) -> None:
    tenant.server.script(PATH, Answer(f'{{"value": [{{"incidentId": 1, "x": {value}}}]}}'))
    tenant.server.script(f"{PATH}/7", Answer(f'{{"incidentId": 7, "x": {value}}}'))
    for read in (lambda: tenant.listing().page(ALL), lambda: tenant.listing().record("7")):
        with pytest.raises(TenantError, match="a number that cannot be one, or that is nested too deep") as failed:
            read()
        assert failed.value.reason.state == "error"


def test_an_incomplete_answer_is_taken_and_warned_of(tenant: ScriptedTenant) -> None:
    headers = {"Warning": '199 - "Partial result"'}
    tenant.server.script(PATH, Answer({"value": [{"incidentId": 1}]}, status=206, headers=headers))
    listing = tenant.listing()
    assert listing.page(ALL).records == [{"incidentId": 1}]
    (warning,) = listing.warnings
    assert "Partial result" in warning


@pytest.mark.parametrize(
    ("query", "size"),
    [
        (Query(), 100),
        (Query(limit=1), 2),
        (Query(limit=99), 100),
        (Query(limit=500), 100),
        (Query(limit=1, severity=("High",)), 100),
        (Query(limit=1, status=("Active", "Resolved")), 100),
        (Query(limit=1, status=("Active",)), 2),
    ],
)
def test_one_record_more_than_the_limit_is_asked_for(tenant: ScriptedTenant, query: Query, size: int) -> None:
    """It tells whether there are more; where this machine filters, nobody knows how many that takes."""
    tenant.server.script(PATH, Answer({"value": []}))
    listing = tenant.listing(query=query)
    listing.page(ALL)
    assert (listing.size, tenant.asked()[0].query["$top"]) == (size, str(size))


@pytest.mark.parametrize(
    ("text", "ticks"), [("2025-11-21T12:00:00Z", NOON), ("2025-11-21T12:00:00.0000001Z", NOON + 1), (None, None)]
)
def test_when_a_record_was_updated(tenant: ScriptedTenant, text: str | None, ticks: int | None) -> None:
    listing = tenant.listing(replace(XDR_INCIDENTS, updated_field="changed"))
    assert listing.updated({"changed": text, "lastUpdateTime": "2020-01-01"}) == ticks
    assert listing.updated({}) is None


def test_a_version_is_the_id_and_the_time_as_they_were_sent(tenant: ScriptedTenant) -> None:
    listing = tenant.listing()
    one = Record({"incidentId": 7, "lastUpdateTime": "2025-11-21T12:00:00Z"}, "{}")
    assert listing.version(one) == ("7", "2025-11-21T12:00:00Z")
    assert listing.version(Record({**one, "lastUpdateTime": "2025-11-21T12:00:00.1Z"}, "{}")) != listing.version(one)
