# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.cells import PlainCells
from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts
from ansible_collections.mssp.defender.plugins.plugin_utils import _progress_text


def counts(done: int, granted: int, parked: int = 0, resumes_at: float | None = None) -> Counts:
    return Counts(total=1000, done=done, granted=granted, parked=parked, started_at=50.0, resumes_at=resumes_at)


@pytest.mark.parametrize(
    ("given", "seconds", "text"),
    [
        (counts(0, 0), 0, "0 of 1000 customers, 0 granted"),
        (counts(500, 488), 10, "500 of 1000 customers, 488 granted, 12 not granted, 50/s, 0:10 left"),
        (counts(9, 9), 4, "9 of 1000 customers, 9 granted, 2.2/s, 7:20 left"),
        (counts(1, 1), 10, "1 of 1000 customers, 1 granted, 0.1/s, 2:46:30 left"),
        # those who wait take the time they were told to, whatever the rate
        (counts(990, 990, 10, 80.0), 5, "990 of 1000 customers, 990 granted, 10 waiting, 198/s, 0:25 left"),
        (counts(0, 0, 10, 80.0), 5, "0 of 1000 customers, 0 granted, 10 waiting, 0:25 left"),
        (counts(990, 990, 10, 80.0), 30, "990 of 1000 customers, 990 granted, 10 waiting, 33/s, 0:00 left"),
    ],
)
def test_a_fleet_under_way(given: Counts, seconds: float, text: str) -> None:
    assert _progress_text.under_way(given, 50.0 + seconds) == text


def test_a_fleet_that_ended() -> None:
    text = "1000 of 1000 customers, 988 granted, 12 not granted, 67/s, in 0:15"
    assert _progress_text.ended(counts(1000, 988), 65.0) == text


NAME = "Prove each customer's consent"
ALL = "512 of 1000 customers, 500 granted, 12 not granted, 8 waiting, 32/s, 0:15 left"


@pytest.mark.parametrize(
    ("columns", "name", "width", "text"),
    [
        (200, NAME, 40, ALL),
        (120, NAME, 11, ALL),
        (100, "Prove eac…", 10, ALL),
        (90, "Prove…", 10, ALL.replace(" 32/s,", "")),
        (80, "Prove…", 10, ALL.replace(" 32/s,", "").replace(" customers", "")),
        (60, "Prove each c…", 10, "512 of 1000, 500 granted, 0:15 left"),
        (40, "Prove…", 10, "512 of 1000, 0:15 left"),
        (25, "P…", 10, "512 of 1000"),
    ],
)
def test_the_least_important_goes_first(columns: int, name: str, width: int, text: str) -> None:
    line = _progress_text.fitted(NAME, counts(512, 500, 8, 60.0), 66.0, columns)
    assert line == (name, width, text)
    assert len(" ".join((name, "#" * width, text))) <= columns


@pytest.mark.parametrize("columns", [25, 40, 60, 80, 250])
def test_a_name_of_wide_characters_fits_too(columns: int) -> None:
    line = _progress_text.fitted("東京トラベル" * 9, counts(512, 500), 66.0, columns)
    assert PlainCells().width(line.name) + 1 + line.width + 1 + len(line.text) <= columns


def test_a_name_with_room_is_left_as_it_is() -> None:
    assert _progress_text.fitted("Read", counts(1, 1), 51.0, 80).name == "Read"


def test_several_fleets_are_one() -> None:
    fleets = [
        Counts(total=10, done=5, granted=4, parked=0, started_at=7.0, resumes_at=None),
        Counts(total=20, done=6, granted=6, parked=2, started_at=3.0, resumes_at=9.0),
        Counts(total=30, done=7, granted=5, parked=1, started_at=5.0, resumes_at=8.0),
    ]
    together = Counts(total=60, done=18, granted=15, parked=3, started_at=3.0, resumes_at=9.0)
    assert _progress_text.together(fleets) == together
    assert _progress_text.together(fleets[:1]) == fleets[0]
