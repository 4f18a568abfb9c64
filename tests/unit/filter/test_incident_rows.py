# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.filter.incident_rows import FilterModule, incident_rows


def outcome(*incidents: dict[str, Any], name: str = "contoso") -> dict[str, Any]:
    return {"name": name, "incidents": list(incidents)}


@pytest.mark.parametrize(
    "incident",
    [
        {
            "incidentId": 7,
            "severity": "High",
            "status": "Active",
            "lastUpdateTime": "2026-11-20T15:01:02.29Z",
            "incidentName": "Ransomware",
        },
        {
            "id": "7",
            "severity": "high",
            "status": "active",
            "lastUpdateDateTime": "2026-11-20T15:01:02.29Z",
            "displayName": "Ransomware",
        },
    ],
    ids=["xdr", "graph"],
)
def test_either_api_gives_the_same_row(incident: dict[str, Any]) -> None:
    assert incident_rows([outcome(incident)], 5) == [
        {
            "customer": "contoso",
            "incident": "7",
            "severity": "High",
            "status": "Active",
            "updated": "2026-11-20 15:01",
            "title": "Ransomware",
            "url": None,
        }
    ]


@pytest.mark.parametrize(("letters", "shown"), [(100, "x" * 100), (101, "x" * 97 + "...")])
def test_a_title_is_cut(letters: int, shown: str) -> None:
    (row,) = incident_rows([outcome({"id": "7", "displayName": "x" * letters})], 1)
    assert row["title"] == shown


@pytest.mark.parametrize(
    ("known", "url"), [({"url": "https://security.microsoft.com/"}, True), ({}, False), ("odd", False)]
)
def test_the_page_in_the_portal_is_that_of_the_read(known: Any, url: bool) -> None:
    (row,) = incident_rows([outcome({"id": "7", "normalized": known})], 1)
    assert row["url"] == ("https://security.microsoft.com/" if url else None)


@given(digits=st.lists(st.text("0123456789", max_size=7), min_size=1, max_size=8), newest=st.integers(0, 9))
def test_the_newest_come_first_however_many_digits_their_times_have(digits: list[str], newest: int) -> None:
    times = [f"2026-11-20T15:01:02{'.' + fraction if fraction else ''}Z" for fraction in digits]
    rows = incident_rows([outcome(*({"incidentId": time, "lastUpdateTime": time} for time in times))], newest)
    by_age = sorted(digits, key=lambda fraction: fraction.ljust(7, "0"), reverse=True)
    wanted = [fraction.ljust(7, "0") for fraction in by_age[:newest]]
    shown = [row["incident"].removeprefix("2026-11-20T15:01:02").strip(".Z").ljust(7, "0") for row in rows]
    assert shown == wanted


def test_each_customer_has_rows_of_its_own_in_the_order_given() -> None:
    outcomes = [outcome({"incidentId": 1}, name="fabrikam"), {"name": "failed"}, outcome({"incidentId": 2})]
    rows = incident_rows(outcomes, 1)
    assert [(row["customer"], row["incident"]) for row in rows] == [("fabrikam", "1"), ("contoso", "2")]


def test_an_incident_without_a_time_comes_last() -> None:
    dated = {"incidentId": 1, "lastUpdateTime": "2026-11-20T15:01:02Z"}
    rows = incident_rows([outcome({"incidentId": 2}, dated)], 2)
    assert [row["incident"] for row in rows] == ["1", "2"]


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"incident_rows": incident_rows}


@pytest.mark.parametrize("time", [None, "soon", 7, "9999-99-99T00:00:00Z"])
def test_a_time_that_cannot_be_is_the_oldest(time: Any) -> None:
    rows = incident_rows([outcome({"incidentId": 1, "lastUpdateTime": time}, {"incidentId": 2})], 5)
    assert sorted(str(row["incident"]) for row in rows) == ["1", "2"]
