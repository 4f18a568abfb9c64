# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import errors, retirement, timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Reason

REASON = Reason(errors.ERROR, "what happened", "what to do", code="X")
SWITCH = "api: graph"


def seconds(text: str) -> float:
    return timestamps.ticks(text) / timestamps.TICKS_PER_SECOND


@pytest.mark.parametrize(
    ("moment", "says"),
    [("2026-11-30", "ends"), ("2027-01-31T23:59:59Z", "ends"), ("2027-02-01", "ended"), ("2030-06-01", "ended")],
)
def test_the_warning_says_what_ends_when_on_whose_word_and_which_setting_switches(moment: str, says: str) -> None:
    warning = retirement.warning(seconds(moment))
    for part in (f"Microsoft {says} the Defender XDR API", "2027-02-01", "MC1220762", SWITCH):
        assert part in warning
    assert "partner_access_api: graph" in warning


@pytest.mark.parametrize("moment", ["2026-11-23", "2027-03-01"])
@pytest.mark.parametrize("status", [404, 410])
def test_an_endpoint_that_is_gone_is_so_on_any_day(moment: str, status: int) -> None:
    """Microsoft moved such days before, in both directions."""
    explained = retirement.explained(REASON, status, seconds(moment))
    assert (str(status) in explained.meaning, SWITCH in explained.remedy) == (True, True)
    assert (explained.state, explained.code) == (REASON.state, REASON.code)


@pytest.mark.parametrize("status", [400, 401, 403, 429])
def test_a_refusal_of_the_caller_is_left_alone(status: int) -> None:
    assert retirement.explained(REASON, status, seconds("2027-03-01")) == REASON


@pytest.mark.parametrize("status", [None, 302, 405, 409, 451])
def test_any_other_failure_is_explained_once_the_day_has_come(status: int | None) -> None:
    assert retirement.explained(REASON, status, seconds("2027-01-31T23:59:59Z")) == REASON
    explained = retirement.explained(REASON, status, seconds("2027-02-01"))
    assert (explained.meaning, SWITCH in explained.remedy) == (REASON.meaning, True)
