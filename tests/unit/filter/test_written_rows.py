# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was written for each customer, laid out for the table."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.filter.written_rows import FilterModule, written_rows

WRITTEN = {"name": "contoso", "state": "granted", "count": 3, "dest": "incidents/contoso.jsonl"}
NOTHING_ODD = {"redirected": 0, "quarantined": "", "complete_until": "", "switched_from": "", "set_aside": ""}


def row(**more: Any) -> dict[str, Any]:
    (found,) = written_rows([{**WRITTEN, **more}])
    return found


def test_a_whole_read() -> None:
    assert row() == {"customer": "contoso", "new": 3, **NOTHING_ODD, "file": "incidents/contoso.jsonl"}


def test_redirected_incidents_are_counted() -> None:
    redirects = [{"id": "7", "target": "8", "found": True}, {"id": "9", "target": "10", "found": False}]
    assert row(redirects=redirects)["redirected"] == 2


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ({"id": "4711", "updated": "2026-11-20T15:01:02.29Z", "code": "500"}, "4711 (500)"),
        ({"id": None, "updated": "2026-11-20T15:01:02.29Z", "code": "502"}, "updated 2026-11-20T15:01:02.29Z (502)"),
    ],
)
def test_each_quarantined_incident_is_named(left_out: dict[str, Any], named: str) -> None:
    assert row(quarantined=[left_out])["quarantined"] == named
    assert row(quarantined=[left_out, left_out])["quarantined"] == f"{named}, {named}"


def test_a_read_that_could_not_finish_says_how_far_it_came() -> None:
    found = row(state="throttled", complete_until="2026-11-20T15:01:02Z")
    assert (found["new"], found["complete_until"]) == (3, "2026-11-20T15:01:02Z")


def test_a_switch_says_where_the_file_of_the_other_api_is() -> None:
    found = row(switched_from="xdr", set_aside="incidents/contoso.jsonl.xdr")
    assert (found["switched_from"], found["set_aside"]) == ("xdr", "incidents/contoso.jsonl.xdr")


@pytest.mark.parametrize(
    "outcome",
    [
        {"state": "not_consented"},
        {"state": "not_consented", "dest": "incidents/fabrikam.jsonl", "count": 0},
        {"state": "granted", "incidents": []},
    ],
    ids=["not read", "nothing read", "not kept"],
)
def test_a_customer_without_a_file_has_no_row(outcome: dict[str, Any]) -> None:
    assert written_rows([{"name": "fabrikam", **outcome}]) == []


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"written_rows": written_rows}
