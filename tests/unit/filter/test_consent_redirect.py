# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

from ansible_collections.mssp.defender.plugins.filter.consent_redirect import FilterModule, consent_redirect
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import consent

TENANT = "44444444-4444-4444-8444-444444444444"
CLIENT = "11111111-1111-4111-8111-111111111111"
KEY = "a long random value for tests"


def test_a_redirect_is_read_into_what_it_claims() -> None:
    state = consent.sign_state(KEY, TENANT, CLIENT, 3600, time.time()).value
    url = f"https://partner.example/?admin_consent=True&tenant={TENANT}&state={state}"
    assert consent_redirect(url, KEY, CLIENT) == {
        "consented": True,
        "declined": False,
        "tenant_id": TENANT,
        "error": None,
        "error_description": None,
        "state_tenant_id": TENANT,
        "state_fault": None,
    }


def test_without_a_key_the_state_is_not_checked() -> None:
    read = consent_redirect("https://partner.example/?error=access_denied&state=anything")
    assert (read["declined"], read["state_tenant_id"], read["state_fault"]) == (True, None, None)


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"consent_redirect": consent_redirect}
