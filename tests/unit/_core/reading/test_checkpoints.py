# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an incremental read stands. What that is good for is proven with the reading itself."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.checkpoints import OVERLAP, Checkpoint
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.quarantine import Quarantined

START = timestamps.ticks("2026-11-20T12:00:00Z")
SECOND = timestamps.TICKS_PER_SECOND


def checkpoint(path: Path, scope: str = "incidents of contoso") -> Checkpoint:
    return Checkpoint(path, scope)


def at(seconds: float) -> int:
    return START + int(seconds * SECOND)


def saved(path: Path, until: float, seen: dict[str, int] | None = None, owed: Sequence[Quarantined] = ()) -> Checkpoint:
    """A checkpoint that was moved to `until` seconds after START, as the next run finds it."""
    checkpoint(path).save(at(until), seen or {}, owed)
    return checkpoint(path)


def test_the_first_read_has_no_mark(tmp_path: Path) -> None:
    first = checkpoint(tmp_path / "c")
    assert (first.read_from(), first.watermark, first.seen, first.owed) == (None, None, {}, [])
    assert not (tmp_path / "c").exists()


def test_the_next_read_reaches_back_behind_the_mark(tmp_path: Path) -> None:
    assert saved(tmp_path / "c", 60).read_from() == at(60) - OVERLAP


def test_the_next_read_knows_the_versions_within_the_overlap(tmp_path: Path) -> None:
    seen = {"1": at(0), "2": at(3600) - OVERLAP, "3": at(3600) + 1}
    assert saved(tmp_path / "c", 3600, seen).seen == {"2": seen["2"], "3": seen["3"]}


def test_what_is_owed_is_kept_and_what_was_seen_of_that_moment(tmp_path: Path) -> None:
    """Its neighbours of the same moment are read again with it, and must not be handed out again."""
    owed = [Quarantined(None, at(0), "500"), Quarantined("7", at(5), "503")]
    seen = {"1": at(0), "2": at(1), "3": at(5)}
    kept = saved(tmp_path / "c", 2 * OVERLAP / SECOND, seen, owed)
    assert kept.owed == owed
    assert kept.seen == {"1": at(0), "3": at(5)}


def test_the_mark_never_moves_back(tmp_path: Path) -> None:
    saved(tmp_path / "c", 600)
    assert saved(tmp_path / "c", 0).read_from() == at(600) - OVERLAP


def test_one_read_may_move_it_step_by_step(tmp_path: Path) -> None:
    state = checkpoint(tmp_path / "c")
    for seconds in (60, 120, 90):
        state.save(at(seconds), {}, ())
    assert checkpoint(tmp_path / "c").watermark == at(120)


def test_times_are_kept_to_the_last_digit(tmp_path: Path) -> None:
    state = checkpoint(tmp_path / "c")
    state.save(START + 1, {"1": START + 3}, [Quarantined("2", START + 7, "500")])
    kept = checkpoint(tmp_path / "c")
    assert (kept.watermark, kept.seen, kept.owed[0].updated) == (START + 1, {"1": START + 3}, START + 7)


def test_the_file_is_private(tmp_path: Path) -> None:
    saved(tmp_path / "c", 0)
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o600


WHOLE = {"scope": "incidents of contoso", "watermark": "2026-11-20T12:00:00Z", "seen": {}, "owed": []}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "\x00",
        '{"scope": "incidents of contoso"}',
        json.dumps(WHOLE | {"watermark": "x"}),
        json.dumps(WHOLE | {"watermark": 7}),
        json.dumps(WHOLE | {"watermark": "9999999-01-01"}),
        json.dumps(WHOLE | {"watermark": "2026-02-31"}),
        json.dumps(WHOLE | {"seen": []}),
        json.dumps(WHOLE | {"seen": {"1": "soon"}}),
        json.dumps(WHOLE | {"seen": {"1": 1e999}}),
        json.dumps(WHOLE | {"owed": {}}).replace("{}}", '{"1": 2}}'),
        json.dumps(WHOLE | {"owed": [{"id": None, "updated": "2026-11-20"}]}),
        json.dumps(WHOLE | {"owed": [{"id": None, "updated": None, "code": "500"}]}),
        json.dumps({name: value for name, value in WHOLE.items() if name != "owed"}),
        "[" * 100_000,
    ],
    ids=lambda content: content[:90],
)
def test_a_damaged_file_ends_the_tenant_with_the_remedy_and_is_kept(tmp_path: Path, content: str) -> None:
    (tmp_path / "c").write_text(content)
    with pytest.raises(TenantError) as caught:
        checkpoint(tmp_path / "c")
    assert caught.value.reason.meaning == f"the checkpoint {tmp_path / 'c'} is damaged"
    assert caught.value.reason.remedy == "name another file, or remove this one to read again from the backfill on"
    assert (tmp_path / "c").read_text() == content


def test_a_file_that_cannot_be_read_is_no_first_run(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"\xff\xfe")
    with pytest.raises(TenantError, match="is damaged"):
        checkpoint(tmp_path / "c")


@pytest.mark.parametrize("torn", range(0, 200, 9))
def test_a_file_torn_off_anywhere_is_damaged(tmp_path: Path, torn: int) -> None:
    saved(tmp_path / "c", 60, {"1": at(30), "2": at(60)}, [Quarantined("3", at(5), "500")])
    whole = (tmp_path / "c").read_text()
    assert len(whole) > 200
    (tmp_path / "c").write_text(whole[:torn])
    with pytest.raises(TenantError, match="is damaged"):
        checkpoint(tmp_path / "c")


@pytest.mark.parametrize("kind", ["others can write to", "a symbolic link", "not a regular file"])
def test_a_file_that_others_may_have_planted_ends_the_tenant(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "c"
    saved(path, 60)
    if kind == "a symbolic link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "not a regular file":
        path.unlink()
        os.mkfifo(path)
    else:
        path.chmod(0o666)
    with pytest.raises(TenantError) as failed:
        checkpoint(path)
    reason = failed.value.reason
    assert (reason.state, reason.meaning.startswith(f"the checkpoint {path} is "), kind in reason.meaning) == (
        "error",
        True,
        True,
    )


def test_a_file_of_another_tenant_is_refused_and_kept(tmp_path: Path) -> None:
    saved(tmp_path / "c", 0)
    before = (tmp_path / "c").read_text()
    with pytest.raises(TenantError) as caught:
        checkpoint(tmp_path / "c", "incidents of fabrikam")
    assert caught.value.reason.meaning.endswith(
        "belongs to incidents of contoso, and this is a read of incidents of fabrikam"
    )
    assert "remove this one" in caught.value.reason.remedy
    assert (tmp_path / "c").read_text() == before


@given(
    until=st.integers(0, 10**17),
    seen=st.dictionaries(st.text(), st.integers(0, 10**17)),
    owed=st.lists(st.builds(Quarantined, st.none() | st.text(), st.integers(0, 10**17), st.text()), max_size=3),
)
def test_whatever_was_saved_is_what_the_next_run_finds(
    tmp_path_factory: pytest.TempPathFactory, until: int, seen: dict[str, int], owed: list[Quarantined]
) -> None:
    path = tmp_path_factory.mktemp("checkpoint") / "c"
    checkpoint(path).save(until, seen, owed)
    kept = checkpoint(path)
    assert (kept.watermark, kept.owed) == (until, owed)
    moments = {one.updated for one in owed}
    assert kept.seen == {
        name: moment for name, moment in seen.items() if moment >= until - OVERLAP or moment in moments
    }
