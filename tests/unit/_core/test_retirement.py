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


@pytest.mark.parametrize("moment", ["2026-11-23", "2026-12-31T23:59:59.9Z"])
def test_before_2027_nobody_is_warned(moment: str) -> None:
    assert retirement.warning(seconds(moment)) is None


@pytest.mark.parametrize("moment", ["2027-01-01T00:00:00Z", "2027-02-01", "2030-06-01"])
def test_from_2027_on_the_warning_says_what_stops_when_and_which_setting_switches(moment: str) -> None:
    warning = retirement.warning(seconds(moment)) or ""
    for part in ("advanced hunting", "incidents", "2027-02-01", SWITCH, "partner_access_api: graph"):
        assert part in warning


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
