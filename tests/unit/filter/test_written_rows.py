# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was written for each customer, laid out for the table."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.filter.written_rows import FilterModule, written_rows

WRITTEN = {"name": "contoso", "state": "granted", "count": 3, "dest": "incidents/contoso.jsonl"}
BY_SEVERITY = {"high": 0, "medium": 0, "low": 0, "informational": 0, "other": 0}
NOTHING_ODD = {
    **BY_SEVERITY,
    "redirected": 0,
    "quarantined": "",
    "complete_until": "",
    "switched_from": "",
    "set_aside": "",
}


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


def test_what_is_new_is_counted_by_severity() -> None:
    found = row(severities={"high": 3, "low": 1, "unspecified": 2, "unknown": 1})
    assert {name: found[name] for name in BY_SEVERITY} == {**BY_SEVERITY, "high": 3, "low": 1, "other": 3}


def _fleet() -> list[dict[str, Any]]:
    return [
        {**WRITTEN, "name": "calm", "severities": {"low": 3}},
        {**WRITTEN, "name": "busy", "severities": {"high": 2, "low": 1}},
        {**WRITTEN, "name": "quiet", "count": 1, "severities": {"medium": 1}, "complete_until": "2026-11-21T00:00:00Z"},
        {**WRITTEN, "name": "worst", "severities": {"high": 3}},
        {
            **WRITTEN,
            "name": "last",
            "count": 2,
            "severities": {"informational": 1, "unknown": 1},
            "complete_until": "2026-11-20T00:00:00Z",
            "quarantined": [{"id": "7", "updated": "", "code": "500"}],
            "redirects": [{}],
        },
    ]


@pytest.mark.parametrize("most", [None, 5, 6])
def test_who_has_most_of_high_severity_comes_first(most: int | None) -> None:
    assert [found["customer"] for found in written_rows(_fleet(), most)] == ["worst", "busy", "calm", "quiet", "last"]


def test_the_others_are_summed_up_in_one_row() -> None:
    *shown, rest = written_rows(_fleet(), most=2)
    assert [found["customer"] for found in shown] == ["worst", "busy"]
    assert rest == {
        "customer": "and 3 more customers",
        "new": 6,
        "high": 0,
        "medium": 1,
        "low": 3,
        "informational": 1,
        "other": 1,
        "redirected": 1,
        "quarantined": "1 in all",
        "complete_until": "2026-11-20T00:00:00Z",
        "file": "",
        "switched_from": "",
        "set_aside": "",
    }
    assert written_rows(_fleet(), most=4)[-1]["customer"] == "and 1 more customer"
    (everybody,) = written_rows(_fleet(), most=0)
    assert (everybody["customer"], everybody["high"]) == ("and 5 more customers", 5)


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"written_rows": written_rows}
