# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts
from ansible_collections.mssp.defender.plugins.plugin_utils import _progress_text


def counts(done: int, granted: int, parked: int = 0, resumes_at: float | None = None) -> Counts:
    return Counts(total=1000, done=done, granted=granted, parked=parked, started_at=50.0, resumes_at=resumes_at)


@pytest.mark.parametrize(
    ("given", "seconds", "text"),
    [
        (counts(0, 0), 0, "0 of 1000 done, 0 granted, 0 parked, 0 failed, 0.0/s"),
        (counts(500, 488), 10, "500 of 1000 done, 488 granted, 0 parked, 12 failed, 50/s, 0:10 left"),
        (counts(9, 9), 4, "9 of 1000 done, 9 granted, 0 parked, 0 failed, 2.2/s, 7:20 left"),
        (counts(1, 1), 10, "1 of 1000 done, 1 granted, 0 parked, 0 failed, 0.1/s, 2:46:30 left"),
        # what is parked takes the time it was told to wait, whatever the rate
        (counts(990, 990, 10, 80.0), 5, "990 of 1000 done, 990 granted, 10 parked, 0 failed, 198/s, 0:25 left"),
        (counts(0, 0, 10, 80.0), 5, "0 of 1000 done, 0 granted, 10 parked, 0 failed, 0.0/s, 0:25 left"),
        (counts(990, 990, 10, 80.0), 30, "990 of 1000 done, 990 granted, 10 parked, 0 failed, 33/s, 0:00 left"),
    ],
)
def test_a_fleet_under_way(given: Counts, seconds: float, text: str) -> None:
    assert _progress_text.under_way(given, 50.0 + seconds) == text


def test_a_fleet_that_ended() -> None:
    text = "1000 of 1000 done, 988 granted, 0 parked, 12 failed, 67/s, in 0:15"
    assert _progress_text.ended(counts(1000, 988), 65.0) == text


def test_several_fleets_are_one() -> None:
    fleets = [
        Counts(total=10, done=5, granted=4, parked=0, started_at=7.0, resumes_at=None),
        Counts(total=20, done=6, granted=6, parked=2, started_at=3.0, resumes_at=9.0),
        Counts(total=30, done=7, granted=5, parked=1, started_at=5.0, resumes_at=8.0),
    ]
    together = Counts(total=60, done=18, granted=15, parked=3, started_at=3.0, resumes_at=9.0)
    assert _progress_text.together(fleets) == together
    assert _progress_text.together(fleets[:1]) == fleets[0]
