# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incremental reads: nothing lost, nothing handed out twice without need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.checkpoints import OVERLAP, Checkpoint
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError

START = timestamps.ticks("2026-11-20T12:00:00Z")
SECOND = timestamps.TICKS_PER_SECOND


def checkpoint(path: Path, scope: str = "xdr of contoso") -> Checkpoint:
    return Checkpoint(path, scope, "incidentId", "lastUpdateTime")


def record(identity: int, seconds: float) -> dict[str, Any]:
    return {"incidentId": identity, "lastUpdateTime": timestamps.render(START + int(seconds * SECOND))}


def read(path: Path, service: list[dict[str, Any]], started: float) -> list[dict[str, Any]]:
    """A whole read: what the service lets through from the mark on, handed out, and the mark moved."""
    state = checkpoint(path)
    since = state.read_from()
    sent = [row for row in service if since is None or timestamps.ticks(row["lastUpdateTime"]) >= since]
    fresh = state.new(sent)
    state.save(started / SECOND)
    return fresh


def test_the_first_read_has_no_mark(tmp_path: Path) -> None:
    assert checkpoint(tmp_path / "c").read_from() is None


def test_a_first_read_that_finds_nothing_is_still_the_first(tmp_path: Path) -> None:
    assert read(tmp_path / "c", [], START) == []
    assert checkpoint(tmp_path / "c").read_from() is None


def test_the_next_read_reaches_back_behind_the_newest_update(tmp_path: Path) -> None:
    read(tmp_path / "c", [record(1, 0), record(2, 60)], START + 3600 * SECOND)
    assert checkpoint(tmp_path / "c").read_from() == START + 60 * SECOND - OVERLAP


def test_records_that_share_a_time_are_all_handed_out_once(tmp_path: Path) -> None:
    ties = [record(identity, 0) for identity in range(40)]
    assert read(tmp_path / "c", ties[:25], START + SECOND) == ties[:25]
    assert read(tmp_path / "c", ties, START + SECOND) == ties[25:]
    assert read(tmp_path / "c", ties, START + SECOND) == []


def test_an_update_within_the_same_second_is_a_new_version(tmp_path: Path) -> None:
    read(tmp_path / "c", [record(1, 0)], START + SECOND)
    updated = {"incidentId": 1, "lastUpdateTime": "2026-11-20T12:00:00.0000001Z"}
    assert read(tmp_path / "c", [updated], START + SECOND) == [updated]


def test_the_same_time_written_with_other_digits_is_the_same_version(tmp_path: Path) -> None:
    read(tmp_path / "c", [{"incidentId": 1, "lastUpdateTime": "2026-11-20T12:00:00Z"}], START + SECOND)
    again = {"incidentId": 1, "lastUpdateTime": "2026-11-20T12:00:00.00Z"}
    assert read(tmp_path / "c", [again], START + SECOND) == []


def test_the_mark_stays_before_what_was_updated_while_the_read_went_on(tmp_path: Path) -> None:
    read(tmp_path / "c", [record(1, 0), record(2, 7200)], started=START + 60 * SECOND)
    assert checkpoint(tmp_path / "c").read_from() == START + 60 * SECOND - OVERLAP


def test_a_read_that_was_not_saved_is_repeated(tmp_path: Path) -> None:
    rows = [record(1, 0), record(2, 1)]
    assert checkpoint(tmp_path / "c").new(rows) == rows
    assert read(tmp_path / "c", rows, START + 60 * SECOND) == rows


def test_the_mark_never_moves_back(tmp_path: Path) -> None:
    read(tmp_path / "c", [record(1, 600)], START + 3600 * SECOND)
    before = checkpoint(tmp_path / "c").read_from()
    read(tmp_path / "c", [record(2, 0)], START)
    assert checkpoint(tmp_path / "c").read_from() == before


def test_a_record_without_a_time_is_always_handed_out(tmp_path: Path) -> None:
    odd = {"incidentId": 1, "lastUpdateTime": None}
    state = checkpoint(tmp_path / "c")
    assert state.new([odd]) == [odd]
    assert state.new([odd]) == [odd]


def test_the_file_is_private_and_forgets_what_lies_behind_the_mark(tmp_path: Path) -> None:
    read(tmp_path / "c", [record(1, 0), record(2, 2 * OVERLAP / SECOND)], START + 3 * OVERLAP)
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o600
    assert '"seen": {"2":' in (tmp_path / "c").read_text()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"scope": "xdr of contoso"}', '{"scope": 1, "watermark": "x", "seen": {}}']
)
def test_a_damaged_file_ends_the_tenant_with_the_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / "c").write_text(content)
    with pytest.raises(TenantError) as caught:
        checkpoint(tmp_path / "c")
    assert "is damaged" in caught.value.reason.meaning
    assert "remove this one" in caught.value.reason.remedy


def test_a_file_of_another_tenant_is_refused(tmp_path: Path) -> None:
    read(tmp_path / "c", [record(1, 0)], START)
    with pytest.raises(TenantError) as caught:
        checkpoint(tmp_path / "c", "xdr of fabrikam")
    assert "belongs to xdr of contoso" in caught.value.reason.meaning


@given(rounds=st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1700)), max_size=12), max_size=6))
def test_whatever_is_updated_within_the_overlap_is_handed_out(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[int, int]]]
) -> None:
    """Updates may show up in any order, some of them late: every version the service ever shows is handed out."""
    path = tmp_path_factory.mktemp("checkpoint") / "c"
    service: dict[int, dict[str, Any]] = {}
    handed_out: set[tuple[int, str]] = set()
    shown: set[tuple[int, str]] = set()
    for updates in rounds:
        for identity, seconds in updates:
            newer = record(identity, seconds)
            if identity not in service or newer["lastUpdateTime"] > service[identity]["lastUpdateTime"]:
                service[identity] = newer
        shown |= {(row["incidentId"], row["lastUpdateTime"]) for row in service.values()}
        fresh = read(path, list(service.values()), START + 1700 * SECOND)
        assert not handed_out & {(row["incidentId"], row["lastUpdateTime"]) for row in fresh}
        handed_out |= {(row["incidentId"], row["lastUpdateTime"]) for row in fresh}
    assert handed_out == shown
