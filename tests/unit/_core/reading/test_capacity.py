# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.reading.capacity import Capacity
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.records import Record


@pytest.mark.parametrize(
    ("seen", "page", "has_room"),
    [
        (Capacity(100, 10_000, 100), Capacity(80, 8_000, 100), True),
        (Capacity(100, 10_000, 100), Capacity(100, 8_000, 100), False),
        (Capacity(100, 10_000, 100), Capacity(99, 9_900, 100), False),
        (Capacity(100, 10_000, 5_000), Capacity(80, 8_000, 100), False),
        (Capacity(100, 10_000, 100), Capacity(80, 8_000, 5_000), False),
        (Capacity(), Capacity(1, 100, 90), False),
    ],
)
def test_a_page_had_room_that_was_smaller_in_every_way(seen: Capacity, page: Capacity, has_room: bool) -> None:
    assert seen.has_room_for_more(page) is has_room


def test_the_most_of_both_is_remembered() -> None:
    one = Capacity.of([Record({}, "{}"), Record({}, "{ }")], 40)
    assert one == Capacity(2, 40, 3)
    assert one | Capacity(1, 50, 9) == Capacity(2, 50, 9)
    assert Capacity.of([], 12) == Capacity(0, 12, 0)
