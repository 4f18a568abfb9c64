# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of incidents, each once, as it was last updated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.filter.latest_records import FilterModule, latest_records


def incident(number: int, fraction: str = "", **more: Any) -> dict[str, Any]:
    return {"incidentId": number, "lastUpdateTime": f"2026-11-20T15:01:02{fraction}Z", **more}


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


@given(st.lists(st.tuples(st.integers(1, 4), st.text("0123456789", max_size=7))))
def test_each_incident_comes_once_in_its_newest_version(versions: list[tuple[int, str]]) -> None:
    written = [incident(number, f".{digits}" if digits else "") for number, digits in versions]
    newest: dict[int, str] = {}
    for number, digits in versions:
        newest[number] = max(newest.get(number, ""), digits.ljust(7, "0"))
    found = latest_records(lines(*written))
    assert [record["incidentId"] for record in found] == list(newest)
    times = [record["lastUpdateTime"].removeprefix("2026-11-20T15:01:02").strip(".Z").ljust(7, "0") for record in found]
    assert times == list(newest.values())


def test_of_two_with_one_time_the_later_line_counts() -> None:
    first, second = incident(7, status="Active"), incident(7, status="Resolved")
    assert latest_records(lines(first, second)) == [second]


def test_records_of_either_api_are_told_apart_by_their_own_id() -> None:
    alerts = [
        {"id": name, "incidentId": "7", "lastUpdateDateTime": "2026-11-20T15:01:02Z"} for name in ("first", "second")
    ]
    assert latest_records(lines(*alerts)) == alerts


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_was_cut_off_is_left_to_the_next_run(cut: int) -> None:
    whole = lines(incident(7), incident(8))
    assert [record["incidentId"] for record in latest_records(whole[:-cut])] == ([7, 8] if cut == 1 else [7])


def test_a_separator_within_a_text_is_no_line_break() -> None:
    one = incident(7, incidentName="line\u2028separator\x85next")
    assert latest_records(lines(one)) == [one]


@pytest.mark.parametrize("text", ["", "\n", "\n\n"])
def test_an_empty_file_has_no_records(text: str) -> None:
    assert latest_records(text) == []


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match=r"latest_records: line 1 is not JSON"):
        latest_records("customer,incident\ncontoso,7\n")


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"latest_records": latest_records}


@pytest.mark.parametrize("time", [None, "soon", 7, [7], "9999-99-99T00:00:00Z"])
def test_a_time_that_cannot_be_is_the_oldest(time: Any) -> None:
    odd = {"incidentId": 7, "lastUpdateTime": time}
    assert latest_records(lines(odd)) == [odd]
    assert latest_records(lines(incident(7), odd)) == [incident(7)]


def test_records_without_ids_do_not_take_each_others_place() -> None:
    records = [{"incidentId": None, "title": "a"}, {"title": "b"}]
    assert latest_records(lines(*records)) == records


@pytest.mark.parametrize("levels", [2000, 100_000])
def test_a_record_that_is_nested_too_deep_is_told(levels: int) -> None:
    with pytest.raises(AnsibleFilterError, match="nested too deep for Ansible"):
        latest_records('{"incidentId": 7, "x": ' + "[" * levels + "]" * levels + "}\n{}\n")
