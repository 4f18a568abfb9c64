# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets that cannot be divided, page after page until two collect agree."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from support.scripted_entra import ScriptedTenant
from support.scripted_server import NOT_FOUND, Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import XDR_INCIDENTS
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.double_collect import DoubleCollect
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.queries import Query
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.windows import Window
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

PATH = XDR_INCIDENTS.path
EVERYTHING = Window(0, None)


def page(ids: Iterable[int], link: str | None = None, updated: str = "2026-11-20T00:00:00Z") -> Answer:
    records = [{"incidentId": number, "lastUpdateTime": updated} for number in ids]
    return Answer({"value": records, **({"@odata.nextLink": link} if link else {})})


def collect_of(tenant: ScriptedTenant, patience: Patience | None = None, limit: int | None = None) -> DoubleCollect:
    return DoubleCollect(tenant.listing(query=Query(limit=limit), patience=patience), EVERYTHING)


def ids_of(collect: DoubleCollect) -> list[int]:
    ids = []
    while not collect.is_done:
        ids += [record["incidentId"] for record in collect.next_page()]
    return ids


def skips(tenant: ScriptedTenant) -> list[str | None]:
    return [request.query.get("$skip") for request in tenant.asked()]


def reason_of(collect: DoubleCollect) -> Any:
    with pytest.raises(TenantError) as failed:
        ids_of(collect)
    return failed.value.reason


def test_an_empty_set_needs_no_second_look(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, page([]))
    assert ids_of(collect_of(tenant)) == []
    assert skips(tenant) == [None]


def test_pages_that_are_shorter_than_asked_for_are_followed_to_one_that_had_room(tenant: ScriptedTenant) -> None:
    pages = [page(range(5)), page(range(5, 10)), page([10])]
    tenant.server.script(PATH, *pages, *pages)
    assert set(ids_of(collect_of(tenant))) == set(range(11))
    assert skips(tenant) == [None, "5", "10"] * 2


def test_a_service_that_counts_more_than_it_sends_is_not_believed(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, Answer({"value": [], "@odata.count": 3}))
    reason = reason_of(collect_of(tenant))
    assert (reason.state, "counts 3 records and sent 0" in reason.meaning) == ("error", True)


def test_of_a_service_without_any_order_all_is_collected(tenant: ScriptedTenant) -> None:
    """Its pages show some records twice and others not at all; that all were met shows in how many there are."""
    shuffled = [[0, 1, 2], [1, 2, 3], [4, 0, 3], [2, 4, 5], [5, 1, 0], [3, 4, 2], [0, 1, 2], [3, 4, 5]]
    answers = [
        answer for one, two in zip(*[iter(shuffled)] * 2, strict=True) for answer in (page(one), page(two), page([]))
    ]
    tenant.server.script(PATH, *answers)
    assert set(ids_of(collect_of(tenant))) == set(range(6))


def test_full_pages_are_followed_by_skip_and_looked_at_again(tenant: ScriptedTenant) -> None:
    pages = [page(range(100)), page(range(100, 200)), page(range(200, 230))]
    tenant.server.script(PATH, *pages, *pages)
    assert ids_of(collect_of(tenant)) == list(range(230)) * 2
    assert skips(tenant) == [None, "100", "200"] * 2


def test_a_last_page_that_is_full_costs_one_more_request(tenant: ScriptedTenant) -> None:
    pages = [page(range(100)), page([])]
    tenant.server.script(PATH, *pages, *pages)
    assert set(ids_of(collect_of(tenant))) == set(range(100))
    assert skips(tenant) == [None, "100"] * 2


def test_links_are_followed_as_they_come_in_every_pass(tenant: ScriptedTenant) -> None:
    link = f"{tenant.server.url}{PATH}?$skiptoken=abc"
    pages = [page(range(2), link), page(range(2, 3))]
    tenant.server.script(PATH, *pages, *pages)
    assert ids_of(collect_of(tenant)) == [0, 1, 2] * 2
    assert [request.query for request in tenant.asked()] == [{"$top": "100"}, {"$skiptoken": "abc"}] * 2


def test_what_slipped_through_one_pass_is_found_in_the_next(tenant: ScriptedTenant) -> None:
    """Record 100 moved to the first page when record 0 left it."""
    before = [page(range(100)), page(range(101, 130))]
    after = [page(range(1, 101)), page(range(101, 130))]
    tenant.server.script(PATH, *before, *after, *after)
    assert set(ids_of(collect_of(tenant))) == set(range(130))
    assert len(tenant.asked()) == 6


def test_an_update_between_two_collect_is_a_difference(tenant: ScriptedTenant) -> None:
    before = [page(range(100)), page([100])]
    after = [page(range(100)), page([100], updated="2026-11-20T00:00:01Z")]
    tenant.server.script(PATH, *before, *after, *after)
    ids_of(collect_of(tenant))
    assert len(tenant.asked()) == 6


def test_a_set_that_never_stands_still_is_an_error_and_not_a_part_passed_off_as_the_whole(
    tenant: ScriptedTenant,
) -> None:
    rounds = ([page(range(100)), page([number])] for number in range(1000, 1050))
    tenant.server.script(PATH, *itertools.chain.from_iterable(rounds))
    reason = reason_of(collect_of(tenant))
    assert (reason.state, "faster than they can be read" in reason.meaning) == ("error", True)
    assert len(tenant.asked()) == 12


@pytest.mark.parametrize("link", ["https://elsewhere.invalid/api", "http://{host}/api", "//elsewhere.invalid/"])
def test_a_link_to_another_place_is_not_followed(tenant: ScriptedTenant, link: str) -> None:
    tenant.server.script(PATH, page(range(1), link.format(host=tenant.server.host)))
    assert "on another host" in reason_of(collect_of(tenant)).meaning
    assert len(tenant.asked()) == 1


def test_a_link_that_leads_in_a_circle_ends_the_tenant(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, page(range(1), f"{tenant.server.url}{PATH}?$skiptoken=abc"))
    assert "sent the same next page twice" in reason_of(collect_of(tenant)).meaning
    assert len(tenant.asked()) == 2


def test_a_service_that_ignores_skip_does_not_keep_us_for_ever(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, *[page(range(100))] * 5, NOT_FOUND)
    assert set(ids_of(collect_of(tenant))) == set(range(100))
    assert len(tenant.asked()) < 5


def test_after_a_wait_the_pass_goes_on_at_its_page(tenant: ScriptedTenant) -> None:
    throttled = Answer("", status=429, headers={"Retry-After": "1"})
    pages = [page(range(100)), throttled, page(range(100, 110))]
    tenant.server.script(PATH, *pages, page(range(100)), page(range(100, 110)))
    collect = collect_of(tenant, Patience(0, 10))
    assert len(collect.next_page()) == 100
    with pytest.raises(Postponed):
        collect.next_page()
    assert ids_of(collect)[:10] == list(range(100, 110))
    assert skips(tenant) == [None, "100", "100", None, "100"]


def test_links_that_bring_nothing_new_do_not_keep_us_for_ever(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, page([1], f"{tenant.server.url}/p/0"))
    for number in range(200):
        tenant.server.script(f"/p/{number}", page([1], f"{tenant.server.url}/p/{number + 1}"))
    assert "100 pages in a row without anything new" in reason_of(collect_of(tenant)).meaning
