# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.mssp.defender.plugins.filter.triage_rows import FilterModule, triage_rows


def change(before: dict[str, Any], after: dict[str, Any], **fields: Any) -> dict[str, Any]:
    known = {"incident_id": "7", "title": "Ransomware", "rule": "high", "result": "changed"}
    return {**known, "before": before, "after": after, **fields}


def test_each_change_has_a_row_that_says_what_becomes_of_the_incident() -> None:
    before = {"status": "Active", "assigned_to": "ann", "tags": ["old", "kept"], "comment": None}
    after = {"status": "Resolved", "assigned_to": None, "tags": ["kept", "new"], "comment": "Closed [ansible:1]"}
    rows = triage_rows([{"name": "failed"}, {"name": "contoso", "changes": [change(before, after)]}])
    assert rows == [
        {
            "customer": "contoso",
            "incident": "7",
            "title": "Ransomware",
            "rule": "high",
            "result": "changed",
            "change": 'status Resolved; assigned_to nobody; tags +new -old; comment "Closed [ansible:1]"',
        }
    ]


def test_what_was_not_changed_says_why() -> None:
    (row,) = triage_rows([{"name": "contoso", "changes": [change({}, {}, result="conflict", msg="updated; look")]}])
    assert (row["result"], row["change"]) == ("conflict", "updated; look")


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"triage_rows": triage_rows}
