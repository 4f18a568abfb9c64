# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.timestamps import TICKS_PER_SECOND

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MOMENTS = st.integers(-11_000_000_000, 13_000_000_000).map(lambda seconds: EPOCH + timedelta(seconds=seconds))
FRACTIONS = st.text("0123456789", max_size=7)
NOW = 1_795_340_000.0


def written(moment: datetime, fraction: str, zone: str = "Z") -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' + fraction if fraction else ''}{zone}"


def expected_ticks(moment: datetime, fraction: str) -> int:
    return int((moment - EPOCH).total_seconds()) * TICKS_PER_SECOND + int(fraction.ljust(7, "0"))


@given(moment=MOMENTS, fraction=FRACTIONS)
def test_every_number_of_fractional_digits_is_read_exactly(moment: datetime, fraction: str) -> None:
    assert timestamps.ticks(written(moment, fraction)) == expected_ticks(moment, fraction)


@given(moment=MOMENTS, fraction=FRACTIONS)
def test_a_time_survives_being_rendered_and_read_again(moment: datetime, fraction: str) -> None:
    rendered = timestamps.render(timestamps.ticks(written(moment, fraction)))
    assert rendered == written(moment, fraction.ljust(7, "0"))
    assert timestamps.ticks(rendered) == timestamps.ticks(written(moment, fraction))


@given(pairs=st.lists(st.tuples(MOMENTS, FRACTIONS), min_size=2, max_size=2))
def test_the_order_of_ticks_is_the_order_of_time(pairs: list[tuple[datetime, str]]) -> None:
    (first, first_fraction), (second, second_fraction) = pairs
    earlier = (first, first_fraction.ljust(7, "0")) < (second, second_fraction.ljust(7, "0"))
    assert (timestamps.ticks(written(*pairs[0])) < timestamps.ticks(written(*pairs[1]))) == earlier


@given(moment=MOMENTS, minutes=st.integers(-14 * 60, 14 * 60), colon=st.sampled_from([":", ""]))
def test_an_offset_names_the_same_moment_as_its_utc_time(moment: datetime, minutes: int, colon: str) -> None:
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{colon}{abs(minutes) % 60:02d}"
    local = moment + timedelta(minutes=minutes)
    assert timestamps.ticks(written(local, "", zone)) == timestamps.ticks(written(moment, ""))


@pytest.mark.parametrize(
    ("shorter", "full"),
    [
        ("2026-11-20", "2026-11-20T00:00:00Z"),
        ("2026-11-20T08:30", "2026-11-20T08:30:00Z"),
        ("2026-11-20 08:30:15", "2026-11-20T08:30:15Z"),
        (" 2026-11-20t08:30:15z ", "2026-11-20T08:30:15Z"),
    ],
)
def test_shorter_forms_mean_utc(shorter: str, full: str) -> None:
    assert timestamps.ticks(shorter) == timestamps.ticks(full)


@pytest.mark.parametrize(
    ("age", "seconds"), [("90m", 5400), ("24h", 86400), ("7d", 604800), ("0m", 0), (" 1 h ", 3600)]
)
def test_an_age_counts_back_from_now(age: str, seconds: int) -> None:
    assert timestamps.option_ticks("created_after", age, NOW) == int(NOW - seconds) * TICKS_PER_SECOND


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "7w",
        "-7d",
        "2026-13-01",
        "2026-11-31T00:00:00Z",
        "20261120",
        "99999999999999999999d",
        "999999d",
        "0001-01-01T00:00:00+01:00",
        "2026-11-20T08:00:00+99:99",
    ],
)
def test_a_time_that_is_none_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(OptionError, match=r"^created_after '.*' is not a time: write 2026-11-20T08:00:00Z, or an age"):
        timestamps.option_ticks("created_after", text, NOW)


@given(days=st.integers(0, 10**6))
def test_whatever_an_option_accepts_can_be_sent_to_the_service(days: int) -> None:
    try:
        moment = timestamps.option_ticks("created_after", f"{days}d", NOW)
    except OptionError:
        return
    assert timestamps.ticks(timestamps.render(moment)) == moment


def test_seconds_are_rendered_without_a_fraction() -> None:
    assert timestamps.render_seconds(1795340000.9) == "2026-11-22T09:33:20Z"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("24h", 86400), ("30d", 2592000), (" 1 h ", 3600), ("0m", 0)]
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert timestamps.option_seconds("lifetime", text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1w", "30 days", "P30D", "9" * 10 + "d", "٣d"])
def test_a_duration_that_is_none_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(OptionError, match=r"^lifetime '.*' is not a duration: write it as 90m, 24h or 30d$"):
        timestamps.option_seconds("lifetime", text)


@given(number=st.integers(0, 10**9 - 1), unit=st.sampled_from("mhd"))
def test_the_longest_duration_does_not_overflow(number: int, unit: str) -> None:
    seconds = timestamps.option_seconds("lifetime", f"{number}{unit}")
    assert seconds == number * {"m": 60, "h": 3600, "d": 86400}[unit]


@pytest.mark.parametrize("value", [None, "", "soon", 7, {}])
def test_a_record_without_a_readable_time_has_none(value: object) -> None:
    assert timestamps.ticks_or_none(value) is None
    assert timestamps.ticks_or_none("1970-01-01T00:00:01Z") == timestamps.TICKS_PER_SECOND
