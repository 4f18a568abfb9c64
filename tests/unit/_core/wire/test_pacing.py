# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pace of calls: no window is ever fuller than its limit, nothing waits without need, and other runs are told."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.wire import pacing
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.pacing import HOUR, MINUTE, Pace, Quota

QUOTA = Quota("list", per_minute=50, per_hour=1500)
SMALL = Quota("small", per_minute=3, per_hour=7)
START = 1_795_340_000.0


class WallClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


def spend(pace: Pace, calls: int, quota: Quota = QUOTA, tenant: str = "contoso") -> None:
    assert [pace.take(tenant, quota) for _unused in range(calls)] == [0.0] * calls


def ledger(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_the_documented_limits() -> None:
    quotas = [pacing.XDR_LIST, pacing.XDR_GET, pacing.XDR_UPDATE, pacing.GRAPH_SECURITY, pacing.HUNTING]
    assert [(quota.per_minute, quota.per_hour) for quota in quotas] == [
        (50, 1500),
        (100, 1500),
        (50, 1500),
        (150, None),
        (45, None),
    ]
    assert len({quota.call for quota in quotas}) == len(quotas)


def test_calls_go_at_once_until_the_minute_is_full(wall: WallClock) -> None:
    pace = Pace(None, wall)
    spend(pace, 20)
    wall.now += 10
    spend(pace, 30)
    assert pace.take("contoso", QUOTA) == MINUTE - 10
    wall.now += MINUTE - 10
    spend(pace, 20)
    assert pace.take("contoso", QUOTA) == 10


def test_a_call_that_may_not_go_is_not_counted(wall: WallClock) -> None:
    pace = Pace(None, wall)
    spend(pace, 3, SMALL)
    for _unused in range(100):
        assert pace.take("contoso", SMALL) == MINUTE
    wall.now += MINUTE
    spend(pace, 3, SMALL)


def test_the_hour_is_counted_beside_the_minute(wall: WallClock) -> None:
    pace = Pace(None, wall)
    for _unused in range(30):
        spend(pace, 50)
        wall.now += MINUTE
    assert pace.take("contoso", QUOTA) == pytest.approx(HOUR - 30 * MINUTE)
    wall.now = START + HOUR
    spend(pace, 50)
    assert pace.take("contoso", QUOTA) == MINUTE


def test_tenants_and_calls_are_counted_apart(wall: WallClock) -> None:
    pace = Pace(None, wall)
    spend(pace, 50)
    spend(pace, 50, tenant="fabrikam")
    spend(pace, 45, pacing.HUNTING)
    assert pace.take("contoso", QUOTA) > 0


@given(steps=st.lists(st.floats(0, 40), min_size=1, max_size=300))
def test_no_window_is_fuller_than_its_limit_and_no_call_waits_without_need(steps: list[float]) -> None:
    wall = WallClock()
    pace = Pace(None, wall)
    calls: list[float] = []
    for step in steps:
        wall.now += step
        wait = pace.take("contoso", SMALL)
        limits = ((limit, [call for call in calls if wall.now - window < call]) for limit, window in SMALL.windows)
        full = any(len(recent) >= limit for limit, recent in limits)
        assert (wait > 0) == full
        if not wait:
            calls.append(wall.now)


@given(delays=st.lists(st.floats(0, 1), min_size=40, max_size=40))
def test_calls_that_arrive_up_to_a_second_late_stay_within_the_limits(delays: list[float]) -> None:
    wall = WallClock()
    pace = Pace(None, wall)
    arrivals = []
    for delay in delays:
        while wait := pace.take("contoso", SMALL):
            wall.now += wait
        arrivals.append(wall.now + delay)
    arrivals.sort()
    for limit, window in ((3, 60), (7, 3600)):
        assert all(later - earlier >= window for earlier, later in zip(arrivals, arrivals[limit:], strict=False))


def test_who_waits_as_told_gets_through_at_once(wall: WallClock) -> None:
    pace = Pace(None, wall)
    for _unused in range(30):
        wait = pace.take("contoso", SMALL)
        wall.now += wait
        assert not wait or pace.take("contoso", SMALL) == 0.0
    # 7 calls in each hour, of which the last goes after two full minutes: the 30th is the second of the fifth hour
    assert wall.now - START == pytest.approx(4 * HOUR)


@pytest.mark.parametrize("back", [0.5, 30, 7200])
def test_a_clock_that_was_set_back_blocks_nobody(wall: WallClock, tmp_path: Path, back: float) -> None:
    pace = Pace(tmp_path, wall)
    spend(pace, 50)
    pace.save("contoso")
    wall.now -= back
    spend(pace, 50)
    assert pace.take("contoso", QUOTA) == MINUTE
    spend(Pace(tmp_path, wall), 50)


def test_memory_is_bounded_by_the_quota(wall: WallClock, tmp_path: Path) -> None:
    pace = Pace(tmp_path, wall)
    for _unused in range(1000):
        spend(pace, 3, SMALL)
        wall.now += HOUR
    pace.save("contoso")
    assert json.loads(ledger(tmp_path).read_text()) == {"small": []}
    spend(pace, 3, SMALL)
    pace.save("contoso")
    assert json.loads(ledger(tmp_path).read_text()) == {"small": [wall.now] * 3}


def test_a_later_run_goes_on_where_this_one_stopped(wall: WallClock, tmp_path: Path) -> None:
    first = Pace(tmp_path, wall)
    spend(first, 30)
    spend(first, 45, pacing.HUNTING)
    first.save("contoso")
    wall.now += 5
    second = Pace(tmp_path, wall)
    spend(second, 20)
    assert second.take("contoso", QUOTA) == MINUTE - 5
    assert second.take("contoso", pacing.HUNTING) == MINUTE - 5
    spend(second, 50, tenant="fabrikam")


def test_without_a_folder_nothing_is_written(wall: WallClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pace = Pace(None, wall)
    spend(pace, 50)
    pace.save("contoso")
    assert list(tmp_path.iterdir()) == []
    spend(Pace(None, wall), 50)


def test_a_tenant_without_a_call_leaves_no_file(wall: WallClock, tmp_path: Path) -> None:
    Pace(tmp_path, wall).save("contoso")
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_private_and_does_not_name_the_tenant(wall: WallClock, tmp_path: Path) -> None:
    pace = Pace(tmp_path, wall)
    spend(pace, 1, tenant="../contoso")
    pace.save("../contoso")
    assert ledger(tmp_path).stat().st_mode & 0o777 == 0o600
    assert "contoso" not in ledger(tmp_path).name + ledger(tmp_path).read_text()


def test_two_runs_at_a_time_do_not_forget_each_others_calls(wall: WallClock, tmp_path: Path) -> None:
    runs = [Pace(tmp_path, wall), Pace(tmp_path, wall)]
    spend(runs[0], 20)
    wall.now += 1
    spend(runs[1], 20)
    spend(runs[1], 45, pacing.HUNTING)
    for run in (*runs, *runs):
        run.save("contoso")
    spend(runs[0], 10)
    for pace in (runs[0], Pace(tmp_path, wall)):
        assert pace.take("contoso", pacing.HUNTING) == MINUTE
    assert runs[0].take("contoso", QUOTA) == MINUTE - 1


def test_turns_of_a_loop_with_a_call_each_add_up(wall: WallClock, tmp_path: Path) -> None:
    for _unused in range(50):
        turn = Pace(tmp_path, wall)
        spend(turn, 1)
        turn.save("contoso")
    assert Pace(tmp_path, wall).take("contoso", QUOTA) == MINUTE


@pytest.mark.parametrize(("calls", "is_told"), [(5, False), (6, True)])
def test_in_a_fleet_only_more_than_a_tenth_of_a_quota_is_told(
    wall: WallClock, tmp_path: Path, calls: int, is_told: bool
) -> None:
    pace = Pace(tmp_path, wall)
    for tenant in ("contoso", "fabrikam"):
        spend(pace, calls, tenant=tenant)
    pace.save("contoso")
    assert bool(list(tmp_path.iterdir())) == is_told


def test_more_than_a_tenth_of_the_hour_is_told_though_the_minute_has_passed(wall: WallClock, tmp_path: Path) -> None:
    pace = Pace(tmp_path, wall)
    spend(pace, 1, tenant="fabrikam")
    for _unused in range(151):
        spend(pace, 1)
        wall.now += 20
    pace.save("contoso")
    assert len(json.loads(ledger(tmp_path).read_text())["list"]) == 151


def test_in_a_fleet_a_file_that_is_there_is_kept_up_to_date(wall: WallClock, tmp_path: Path) -> None:
    first = Pace(tmp_path, wall)
    spend(first, 1)
    first.save("contoso")
    second = Pace(tmp_path, wall)
    for tenant in ("contoso", "fabrikam"):
        spend(second, 1, tenant=tenant)
    for tenant in ("contoso", "fabrikam"):
        second.save(tenant)
    assert json.loads(ledger(tmp_path).read_text()) == {"list": [START, START]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"7",
        b'{"list": 7}',
        b'{"list": ["soon"]}',
        b'{"list": "soon"}',
        b'{"list": [null]}',
        b'{"list": [NaN, Infinity, 1e400, -1]}',
        b'{"list": [' + b"9" * 5000 + b"]}",
        b"[" * 100_000,
    ],
    ids=lambda content: content[:20].decode(errors="replace"),
)
def test_a_damaged_or_foreign_file_counts_as_empty_and_is_replaced(
    wall: WallClock, tmp_path: Path, content: bytes
) -> None:
    pace = Pace(tmp_path, wall)
    spend(pace, 1)
    pace.save("contoso")
    path = ledger(tmp_path)
    path.write_bytes(content)
    later = Pace(tmp_path, wall)
    spend(later, 50)
    later.save("contoso")
    assert json.loads(path.read_text()) == {"list": [START] * 50}


def test_a_folder_that_is_gone_costs_no_tenant_its_outcome(wall: WallClock, tmp_path: Path) -> None:
    pace = Pace(tmp_path / "gone", wall)
    spend(pace, 50)
    pace.save("contoso")
    assert pace.take("contoso", QUOTA) == MINUTE


def test_threads_never_exceed_a_quota_together(tmp_path: Path, wall: WallClock) -> None:
    pace = Pace(tmp_path, wall)
    went: list[str] = []

    def work(tenant: str) -> None:
        for _unused in range(40):
            if not pace.take(tenant, QUOTA):
                went.append(tenant)
            pace.save(tenant)

    threads = [threading.Thread(target=work, args=(tenant,)) for tenant in ("contoso", "fabrikam") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (went.count("contoso"), went.count("fabrikam")) == (50, 50)
    assert sorted(len(json.loads(path.read_text())["list"]) for path in tmp_path.iterdir()) == [50, 50]


def test_a_thousand_tenants_with_a_call_each_cost_next_to_nothing(tmp_path: Path) -> None:
    pace = Pace(tmp_path)
    for number in range(1000):
        spend(pace, 1, tenant=str(number))
        pace.save(str(number))
    assert len(list(tmp_path.iterdir())) <= 1
