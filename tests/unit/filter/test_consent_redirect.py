# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

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
        "code": None,
        "meaning": None,
        "remedy": None,
        "who": None,
        "state_tenant_id": TENANT,
        "state_fault": None,
    }


def test_without_a_key_the_state_is_not_checked() -> None:
    read = consent_redirect("https://partner.example/?error=access_denied&error_subcode=cancel&state=anything")
    assert (read["declined"], read["state_tenant_id"], read["state_fault"]) == (True, None, None)


def test_a_link_of_a_domain_needs_the_customers_guid() -> None:
    state = consent.sign_state(KEY, "contoso.example", CLIENT, 3600, time.time()).value
    url = f"https://partner.example/?admin_consent=True&tenant={TENANT}&state={state}"
    assert "give the customer's tenant GUID as tenant_id" in consent_redirect(url, KEY, CLIENT)["state_fault"]
    assert consent_redirect(url, KEY, CLIENT, TENANT)["state_tenant_id"] == "contoso.example"


def test_a_key_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^consent_redirect: state_key could be guessed"):
        consent_redirect("https://partner.example/?state=x", "aaaaaaaaaaaaaaaa")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"url": None}, "the redirect"),
        ({"url": ["https://partner.example/"]}, "the redirect"),
        ({"state_key": 1234567890123456789}, "state_key"),
        ({"client_id": 5}, "client_id"),
        ({"tenant_id": 5}, "tenant_id"),
        ({"tenant_id": False}, "tenant_id"),
    ],
)
def test_a_value_without_quotes_that_is_not_text_is_refused_by_its_name(given: dict[str, Any], named: str) -> None:
    with pytest.raises(AnsibleFilterError) as refused:
        consent_redirect(**{"url": "https://partner.example/?state=x", "state_key": KEY, **given})
    assert str(refused.value) == f"consent_redirect: {named} is not text: put its value in quotes"


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"consent_redirect": consent_redirect}
