# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import (
    OptionError,
    Postponed,
    Reason,
    TenantError,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.outcomes import Outcome, Tenant, outcome_of, summary

CONTOSO = Tenant("contoso", "contoso.com")


def test_the_summary_counts_states() -> None:
    reasons = [None, Reason(errors.THROTTLED, "m", "r"), None, Reason(errors.NOT_CONSENTED, "m", "r")]
    ended = [Outcome(CONTOSO, reason, {}) for reason in reasons]
    assert summary(ended) == {"granted": 2, "not_consented": 1, "throttled": 1}


@pytest.mark.parametrize(
    ("who", "reason", "sentence"),
    [
        (
            CONTOSO,
            Reason(errors.NOT_CONSENTED, "the application is missing", "open the link", code="AADSTS7000229"),
            (
                "contoso (contoso.com) is not_consented: the application is missing (AADSTS7000229); "
                "customer admin: open the link."
            ),
        ),
        (
            Tenant("contoso.com", "contoso.com"),
            Reason(errors.THROTTLED, "wait", "run again"),
            "contoso.com is throttled: wait; run again.",
        ),
        (CONTOSO, None, "contoso (contoso.com) is granted"),
    ],
)
def test_the_sentence_tells_what_why_and_who_must_do_what(who: Tenant, reason: Reason | None, sentence: str) -> None:
    assert Outcome(who, reason, {}).sentence() == sentence


def test_a_result_carries_the_outcome_the_reason_and_what_was_found() -> None:
    reason = Reason(errors.PARTIAL, "m", "r", correlation_id="c")
    result = Outcome(CONTOSO, reason, details={"missing_roles": ["Incident.Read.All"]}).to_result()
    assert (result["tenant_id"], result["state"], result["who"], result["correlation_id"]) == (
        "contoso.com",
        "partial",
        "customer admin",
        "c",
    )
    assert result["missing_roles"] == ["Incident.Read.All"]


@pytest.mark.parametrize(
    ("error", "state", "who", "sentence"),
    [
        (
            TenantError(Reason(errors.BLOCKED, "m", "r")),
            "blocked",
            "customer admin",
            "contoso (contoso.com) is blocked",
        ),
        (OptionError("tenant_id is empty"), "unknown_tenant", "provider", "tenant_id is empty"),
        (PermissionError(13, "Permission denied", "/reports/a.jsonl"), "error", "provider", "/reports/a.jsonl"),
        (KeyError("canary"), "error", "provider", "internal error (KeyError at "),
    ],
)
def test_an_error_is_its_tenants_outcome(error: Exception, state: str, who: str, sentence: str) -> None:
    def work() -> dict[str, Any]:
        raise error

    outcome = outcome_of(CONTOSO, work)
    assert (outcome.state, outcome.to_result()["who"]) == (state, who)
    assert sentence in outcome.sentence()
    assert "canary" not in str(outcome.to_result())


def test_a_wait_is_no_outcome_yet() -> None:
    def work() -> dict[str, Any]:
        raise Postponed(1, TenantError(Reason(errors.THROTTLED, "m", "r")))

    with pytest.raises(Postponed):
        outcome_of(CONTOSO, work)
