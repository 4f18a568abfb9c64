# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, Reason, TenantError


def test_the_states_are_those_of_the_vocabulary() -> None:
    assert set(errors.WHO_ACTS) == {
        "granted",
        "partial",
        "not_consented",
        "no_service",
        "bad_credential",
        "unknown_tenant",
        "blocked",
        "throttled",
        "unreachable",
        "error",
    }


@pytest.mark.parametrize(
    ("state", "who"),
    [
        ("not_consented", "customer admin"),
        ("partial", "customer admin"),
        ("bad_credential", "provider"),
        ("throttled", "nobody"),
    ],
)
def test_a_state_tells_who_acts(state: str, who: str) -> None:
    assert Reason(state, "something happened", "do something").to_result()["who"] == who


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.ENOSPC, "make room for it"), (errno.EDQUOT, "make room for it"), (errno.EACCES, "check its path, owner")],
)
def test_a_file_that_cannot_be_used_is_named_with_the_remedy(code: int, remedy: str) -> None:
    sentence = errors.unusable_file(OSError(code, "Why Not", "/var/out"))
    assert sentence.startswith(f"/var/out cannot be used (Why Not): {remedy}")


def test_a_reason_can_name_somebody_else() -> None:
    assert Reason(errors.ERROR, "m", "r", who=errors.CUSTOMER_ADMIN).to_result()["who"] == "customer admin"


def test_a_reason_in_a_result_carries_all_that_support_asks_for() -> None:
    reason = Reason(errors.BLOCKED, "m", "r", code="AADSTS53003", correlation_id="c", trace_id="t")
    assert reason.to_result() == {
        "meaning": "m",
        "remedy": "r",
        "code": "AADSTS53003",
        "who": "customer admin",
        "correlation_id": "c",
        "trace_id": "t",
        "final": False,
    }


def test_a_postponed_error_keeps_the_outcome_of_nobody_waiting() -> None:
    error = TenantError(Reason(errors.THROTTLED, "m", "r"), {"roles": []})
    postponed = Postponed(1.25, error)
    assert (postponed.seconds, postponed.error.details, str(postponed)) == (1.25, {"roles": []}, "wait 1.2 s")
    assert str(error) == "m"


def test_what_others_wrote_cannot_steer_the_terminal_from_a_reason_or_an_option() -> None:
    reason = Reason("error", "the API says \x1b[31mred\n\u202e", "read \x9bit", code="X\x07")
    assert reason.meaning == r"the API says \u001b[31mred \u202e"
    assert (reason.remedy, reason.code) == (r"read \u009bit", r"X\u0007")
    assert str(errors.OptionError("line 3 has '\x1b]0;title\x07'")) == r"line 3 has '\u001b]0;title\u0007'"
