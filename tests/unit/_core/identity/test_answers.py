# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import answers, consent

TENANT = "44444444-4444-4444-8444-444444444444"
OTHER = "55555555-5555-4555-8555-555555555555"
CLIENT = "11111111-1111-4111-8111-111111111111"
KEY = "a long random value for tests"
DAY = 24 * 3600
V2_CANCEL = "AADSTS65004: User declined to consent to access the app."
NO_COMPARISON = (
    "the link was made for a domain, which cannot be compared with the tenant of the redirect: "
    "give the customer's tenant GUID as tenant_id"
)
NOT_A_GUID = "the tenant that the redirect names is not a GUID, as Microsoft sends it"
DOMAIN_GIVEN = (
    "tenant_id is a domain, which cannot be compared with the tenant of the link: "
    "give the customer's tenant GUID as tenant_id"
)


def redirect(**parameters: str) -> str:
    return f"https://partner.example/consent?{urlencode(parameters)}"


def link_of(tenant: str) -> str:
    return consent.sign_state(KEY, tenant, CLIENT, DAY, time.time()).value


def test_a_consent_is_read_from_its_redirect() -> None:
    state = consent.sign_state(KEY, TENANT, CLIENT, DAY, time.time()).value
    read = answers.read_redirect(redirect(admin_consent="True", tenant=TENANT, state=state), KEY, CLIENT)
    assert (read.consented, read.declined, read.tenant_id, read.error) == (True, False, TENANT, None)
    assert (read.state_tenant_id, read.state_fault) == (TENANT, None)


def test_a_code_counts_as_consent_in_the_authorize_form() -> None:
    assert answers.read_redirect(redirect(code="0.AX", session_state="s")).consented is True


DECLINED = [
    # v2 today, v2 as documented, the authorize form, v1 today, v1 as documented
    {"error": "access_denied", "error_description": V2_CANCEL, "error_uri": "u", "admin_consent": "True"},
    {"error": "consent_required", "error_description": V2_CANCEL, "admin_consent": "True"},
    {"error": "access_denied", "error_subcode": "cancel", "error_description": V2_CANCEL},
    {"error": "access_denied", "error_subcode": "cancel"},
    {"error": "permission_denied", "error_description": "The admin canceled the request"},
    # as proxies, logs and other languages have it
    {"error": "access_denied", "error_description": "aadsts65004: User declined"},
    {"error": "access_denied", "error_description": "Error: AADSTS65004: User declined"},
    {"error": "access_denied", "error_description": "\ufeffAADSTS65004: User declined"},
    {"error": "access_denied", "error_uri": "https://login.microsoftonline.com/error?code=65004"},
]


@pytest.mark.parametrize("parameters", DECLINED)
def test_the_administrators_decision_is_read_although_admin_consent_is_true(parameters: dict[str, str]) -> None:
    read = answers.read_redirect(redirect(**parameters))
    assert (read.consented, read.declined, read.error) == (False, True, parameters["error"])
    assert (read.meaning, read.who) == ("the administrator declined", "customer admin")
    assert read.error_description == parameters.get("error_description")


@pytest.mark.parametrize(
    ("parameters", "code", "meaning"),
    [
        (
            {"error": "access_denied", "error_description": "AADSTS50020: User account 'a@b' from identity provider"},
            "AADSTS50020",
            "the account that signed in belongs to another tenant",
        ),
        (
            {"error": "access_denied", "error_subcode": "cancel", "error_description": "AADSTS50020: another account"},
            "AADSTS50020",
            "the account that signed in belongs to another tenant",
        ),
        (
            {"error": "consent_required", "error_description": "AADSTS90094: The grant requires admin permission."},
            "AADSTS90094",
            "the account that signed in may not consent for the tenant",
        ),
        (
            {"error": "access_denied", "error_description": "AADSTS90095: Admin consent is required."},
            "AADSTS90095",
            "the account that signed in could only ask an administrator to consent",
        ),
        (
            {"error": "access_denied", "error_description": "AADSTS53003: Access has been blocked."},
            "AADSTS53003",
            "Conditional Access blocks the application",
        ),
        *(
            (
                {"error": "access_denied", "error_description": f"AADSTS{code}: text"},
                f"AADSTS{code}",
                "the account that signed in may not consent for the tenant",
            )
            for code in (90093, 900941)
        ),
        ({"error": "access_denied"}, None, "the consent page reported an error without a code"),
        ({"error": "consent_required"}, None, "the consent page reported an error without a code"),
        ({"error": ""}, None, "the consent page reported an error without a code"),
        (
            {"error": "access_denied", "error_description": "no AADSTS"},
            None,
            "the consent page reported an error without a code",
        ),
    ],
)
def test_any_other_error_is_no_decision_of_the_customer(
    parameters: dict[str, str], code: str | None, meaning: str
) -> None:
    read = answers.read_redirect(redirect(**parameters, admin_consent="True"))
    assert (read.consented, read.declined, read.code, read.meaning) == (False, False, code, meaning)
    assert read.remedy
    assert read.who == "customer admin"


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable"])
def test_a_fault_of_the_service_is_neither_a_consent_nor_a_refusal(error: str) -> None:
    read = answers.read_redirect(redirect(error=error, admin_consent="True"))
    assert (read.consented, read.declined) == (False, False)
    assert (read.code, read.remedy, read.who) == (None, "run again later", "nobody")


def test_an_honest_client_id_with_a_blank_is_the_same_application() -> None:
    url = redirect(admin_consent="True", tenant=TENANT, state=link_of(TENANT))
    assert answers.read_redirect(url, KEY, f" {CLIENT.upper()} ").state_fault is None


@pytest.mark.parametrize("given_ids", [{"tenant_id": f"{{{TENANT}}}"}, {"client_id": f"{{{CLIENT}}}"}])
def test_an_id_in_braces_is_refused_and_is_not_a_fault_of_the_redirect(given_ids: dict[str, str]) -> None:
    url = redirect(admin_consent="True", tenant=TENANT, state=link_of(TENANT))
    with pytest.raises(OptionError, match=rf"^{next(iter(given_ids))} .*the braces"):
        answers.read_redirect(url, KEY, **given_ids)


def test_a_state_bound_to_another_tenant_is_told() -> None:
    state = consent.sign_state(KEY, TENANT, CLIENT, DAY, time.time()).value
    read = answers.read_redirect(redirect(admin_consent="True", tenant=CLIENT, state=state), KEY)
    assert (read.state_tenant_id, read.state_fault) == (None, "the state belongs to another tenant")


@pytest.mark.parametrize(
    ("bound_to", "named", "customer", "fault"),
    [
        ("contoso.com", TENANT, None, NO_COMPARISON),
        ("contoso.com", TENANT, "", NO_COMPARISON),
        ("contoso.com", TENANT, "contoso.com", NO_COMPARISON),
        ("contoso.com", TENANT, TENANT, None),
        ("contoso.com", TENANT.upper(), f" {TENANT.upper()} ", None),
        ("contoso.com", OTHER, TENANT, "the state belongs to another tenant"),
        ("contoso.com", TENANT, "fabrikam.com", "the state belongs to another tenant"),
        ("contoso.com", TENANT, "contoso.com.", NO_COMPARISON),
        ("contoso.com", "contoso.com", None, NOT_A_GUID),
        ("contoso.com", "fabrikam.com", None, NOT_A_GUID),
        ("contoso.com", "contoso.com", TENANT, NOT_A_GUID),
        (TENANT, TENANT.upper(), None, None),
        (TENANT, TENANT, TENANT, None),
        (TENANT, TENANT, OTHER, "the state belongs to another tenant"),
        (TENANT, OTHER, OTHER, "the state belongs to another tenant"),
        (TENANT, "contoso.com", None, NOT_A_GUID),
        (TENANT, f"{{{TENANT}}}", None, NOT_A_GUID),
        (TENANT, TENANT, "fabrikam.com", DOMAIN_GIVEN),
        (TENANT, OTHER, "fabrikam.com", DOMAIN_GIVEN),
        (TENANT, "", None, "the redirect names no tenant"),
        ("contoso.com", "", TENANT, "the redirect names no tenant"),
    ],
)
def test_a_state_binds_the_redirect_to_its_tenant(
    bound_to: str, named: str, customer: str | None, fault: str | None
) -> None:
    url = redirect(admin_consent="True", tenant=named, state=link_of(bound_to))
    read = answers.read_redirect(url, KEY, CLIENT, customer)
    assert (read.state_tenant_id, read.state_fault) == (None if fault else bound_to, fault)


@pytest.mark.parametrize("bound_to", [TENANT, "contoso.com"])
def test_a_success_without_a_tenant_is_a_fault_and_an_error_without_one_is_not(bound_to: str) -> None:
    success = answers.read_redirect(redirect(admin_consent="True", state=link_of(bound_to)), KEY)
    assert (success.state_tenant_id, success.state_fault) == (None, "the redirect names no tenant")
    refused = answers.read_redirect(redirect(error="access_denied", state=link_of(bound_to)), KEY)
    assert (refused.state_tenant_id, refused.state_fault) == (bound_to, None)


@pytest.mark.parametrize("name", ["admin_consent", "tenant", "state", "error", "error_description", "code"])
@pytest.mark.parametrize("key", [KEY, None])
def test_what_stands_twice_counts_for_nothing(name: str, key: str | None) -> None:
    parameters = {"admin_consent": "True", "tenant": TENANT, "state": link_of(TENANT)}
    url = f"{redirect(**parameters)}&{name}=True&{name[0]}%{ord(name[1]):x}{name[2:]}=True"
    read = answers.read_redirect(url, key)
    assert (read.consented, read.declined, read.tenant_id, read.state_tenant_id) == (False, False, None, None)
    assert read.state_fault == f"the redirect has more than one {name}"


def test_an_empty_error_is_an_error() -> None:
    assert answers.read_redirect(f"{redirect(admin_consent='True')}&error=").consented is False


@pytest.mark.parametrize("url", ["https://partner.example/#?admin_consent=True", "https://partner.example/"])
def test_what_stands_behind_the_number_sign_is_not_said(url: str) -> None:
    assert answers.read_redirect(url).consented is False
    assert answers.read_redirect(f"{redirect(admin_consent='True')}#").consented is True


def test_a_missing_state_is_a_fault_once_there_is_a_key() -> None:
    url = redirect(admin_consent="True", tenant=TENANT)
    assert answers.read_redirect(url, KEY).state_fault == "the state was not signed with this key"
    assert answers.read_redirect(url).state_fault is None


@given(tenant=st.text(min_size=1), error=st.text(min_size=1), description=st.text(min_size=1))
def test_what_a_redirect_says_is_read_back_whatever_it_is(tenant: str, error: str, description: str) -> None:
    read = answers.read_redirect(redirect(tenant=tenant, error=error, error_description=description))
    assert (read.tenant_id, read.error, read.error_description) == (tenant, error, description)
    assert read.consented is False


@given(url=st.text(st.characters(exclude_characters="%")).map(lambda text: f"https://{text}") | st.just("https://["))
def test_no_text_claims_a_consent_by_accident(url: str) -> None:
    assume("admin_consent" not in url and "code" not in url)
    assert answers.read_redirect(url, KEY).consented is False
