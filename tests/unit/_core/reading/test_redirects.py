# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.reading.redirects import MOST_STEPS, Redirects

FIELD = "redirectIncidentId"


def noted(**targets: int | str | None) -> Redirects:
    redirects = Redirects(FIELD)
    for identity, target in targets.items():
        redirects.note(identity.lstrip("i"), {FIELD: target})
    return redirects


def test_what_is_redirected_nowhere_is_none() -> None:
    redirects = noted(i1=None)
    redirects.note("2", {})
    assert (redirects.to_result(), redirects.next_target({})) == ([], None)


def test_a_target_is_named_and_wanted_until_it_is_known() -> None:
    redirects = noted(i1=7)
    assert redirects.next_target({"1": 0}) == "7"
    assert redirects.next_target({"1": 0, "7": 0}) is None
    assert redirects.to_result() == [{"id": "1", "target": "7", "found": True}]


def test_the_end_of_a_chain_is_the_target_of_each_in_it() -> None:
    redirects = noted(i1="2", i2="3")
    assert redirects.next_target({"1": 0, "2": 0}) == "3"
    assert [(one["id"], one["target"]) for one in redirects.to_result()] == [("1", "3"), ("2", "3")]


def test_a_target_that_is_not_there_is_asked_for_once_and_said_to_be_missing() -> None:
    redirects = noted(i1=7, i2=7, i3=8)
    redirects.give_up("7")
    assert redirects.next_target({}) == "8"
    assert [one["found"] for one in redirects.to_result()] == [False, False, True]


def test_what_was_not_followed_is_left_to_the_next_read() -> None:
    redirects = noted(i1=7, i2=8, i3=9)
    redirects.give_up("8", for_good=False)
    redirects.give_up("9")
    assert redirects.unfollowed({"1": 0}) == ["1", "2"]
    assert redirects.unfollowed({"7": 0, "8": 0}) == []


def test_where_a_collection_has_no_redirections_none_are_looked_for() -> None:
    redirects = Redirects(None)
    redirects.note("1", {FIELD: 7})
    assert (redirects.to_result(), redirects.next_target({})) == ([], None)


@given(targets=st.dictionaries(st.integers(0, 6), st.integers(0, 6)))
def test_chains_and_circles_of_any_shape_come_to_an_end(targets: dict[int, int]) -> None:
    redirects, known = Redirects(FIELD), {}
    for identity, target in targets.items():
        redirects.note(str(identity), {FIELD: target})
        known[str(identity)] = 0
    while (target := redirects.next_target(known)) is not None:
        assert target not in known
        known[target] = 0
    result = {one["id"]: one for one in redirects.to_result()}
    assert set(result) == {str(identity) for identity in targets}
    for one in result.values():
        # in a circle there is no incident to go to
        assert one["found"] == (int(one["target"]) not in targets)


def test_a_chain_without_an_end_is_not_followed_for_ever() -> None:
    redirects = Redirects(FIELD)
    known: dict[str, int] = {}
    target: str | None = "1"
    while target is not None:
        known[target] = 0
        redirects.note(target, {FIELD: int(target) + 1})
        target = redirects.next_target(known)
    assert len(known) == MOST_STEPS + 1
    assert redirects.unfollowed(known) == []
    assert not any(one["found"] for one in redirects.to_result())
