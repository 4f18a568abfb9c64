# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens to a tenant while it is read, and whenever the reader dies: no version that stood still is lost.

HISTORIES=1000 in the environment makes as many histories of it, and pytest's -rP prints the figures.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_entra import ScriptedEntra
from unit.moving.histories import draw
from unit.moving.trials import Tally, read_by_naive, read_by_ours

HISTORIES = int(os.environ.get("HISTORIES", "50"))


def ours(moving: ScriptedEntra, api: str, random: Random) -> Tally:
    with tempfile.TemporaryDirectory() as folder:
        return read_by_ours(moving, Path(folder), api, draw(random))


@pytest.mark.parametrize("api", ["xdr", "graph"])
def test_nothing_that_stood_still_during_a_read_is_lost(moving: ScriptedEntra, api: str) -> None:
    @given(st.randoms(use_true_random=False))
    @settings(max_examples=HISTORIES)
    def holds(random: Random) -> None:
        assert ours(moving, api, random).lost == []

    holds()


@pytest.mark.parametrize("api", ["xdr", "graph"])
def test_the_naive_reader_loses_in_the_same_histories(moving: ScriptedEntra, api: str) -> None:
    totals = {
        "ours": [ours(moving, api, Random(seed)) for seed in range(HISTORIES)],
        "naive": [read_by_naive(moving, api, draw(Random(seed))) for seed in range(HISTORIES)],
    }
    print(f"{HISTORIES} histories, {api}:  owed    lost  handed over  repeated  requests")
    for name, tallies in totals.items():
        owed, lost = sum(len(tally.owed) for tally in tallies), sum(len(tally.lost) for tally in tallies)
        handed_over, repeated = sum(tally.handed_over for tally in tallies), sum(tally.repeated for tally in tallies)
        requests = sum(tally.requests for tally in tallies)
        print(f"{name:<20} {owed:>8} {lost:>7} {handed_over:>12} {repeated:>9} {requests:>9}")
    assert [tally.lost for tally in totals["ours"]] == [[]] * HISTORIES
    assert any(tally.lost for tally in totals["naive"])
