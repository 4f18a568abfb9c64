# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Reason
from ansible_collections.mssp.defender.plugins.module_utils._core.outcomes import Outcome, Tenant
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading.outage_events import Outages

AWAY = Reason(errors.UNREACHABLE, "the proxy is away", "start it")
EXPIRED = Reason(errors.BAD_CREDENTIAL, "the secret has expired", "renew it", code="AADSTS7000222")


def told(outages: Outages, customer: str, reason: Reason | None) -> list[tuple[bool, str]]:
    outcome = Outcome(Tenant(customer, "t"), reason, {})
    return [(event["outage"]["is_over"], event["outage"]["meaning"]) for event in outages.news(outcome)]


@pytest.mark.parametrize("reason", [AWAY, EXPIRED])
def test_an_outage_begins_with_the_first_customer_and_ends_with_the_last(reason: Reason) -> None:
    outages = Outages()
    assert told(outages, "contoso", reason) == [(False, reason.meaning)]
    assert told(outages, "fabrikam", reason) == []
    assert told(outages, "contoso", reason) == []
    assert told(outages, "contoso", None) == []
    assert told(outages, "fabrikam", None) == [(True, reason.meaning)]
    assert told(outages, "fabrikam", reason) == [(False, reason.meaning)]


def test_one_outage_after_another_is_two() -> None:
    outages = Outages()
    told(outages, "contoso", AWAY)
    assert told(outages, "contoso", EXPIRED) == [(True, AWAY.meaning), (False, EXPIRED.meaning)]


def test_a_customers_own_state_is_not_an_outage_and_ends_one() -> None:
    outages = Outages()
    blocked = Reason(errors.BLOCKED, "a policy", "exempt it")
    assert told(outages, "contoso", blocked) == []
    told(outages, "contoso", AWAY)
    assert told(outages, "contoso", blocked) == [(True, AWAY.meaning)]


def test_an_outage_says_who_must_do_what() -> None:
    (event,) = Outages().news(Outcome(Tenant("contoso", "t"), EXPIRED, {}))
    assert event["outage"] == {
        "is_over": False,
        "state": "bad_credential",
        "meaning": "the secret has expired",
        "remedy": "renew it",
        "who": "provider",
        "code": "AADSTS7000222",
        "msg": "contoso (t) is bad_credential: the secret has expired (AADSTS7000222); provider: renew it.",
    }
