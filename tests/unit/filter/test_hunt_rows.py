# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mssp.defender.plugins.filter.hunt_rows import hunt_rows

KEPT = {"name": "fabrikam", "state": "granted", "count": 2, "truncated": False}
WRITTEN = {
    "name": "contoso",
    "state": "granted",
    "count": 100_000,
    "truncated": True,
    "finished_at": "2026-11-23T01:02:03Z",
}
NOTHING = {"name": "tailspin", "state": "granted", "count": 0, "truncated": False}
REFUSED = {"name": "wingtip", "state": "error"}


def test_those_with_rows_are_laid_out_with_most_first() -> None:
    assert hunt_rows([NOTHING, KEPT, REFUSED, WRITTEN]) == [
        {"customer": "contoso", "rows": 100_000, "more": "perhaps", "answered": "2026-11-23 01:02"},
        {"customer": "fabrikam", "rows": 2, "more": "", "answered": ""},
    ]


def test_nobody_may_have_any() -> None:
    assert hunt_rows([]) == []
