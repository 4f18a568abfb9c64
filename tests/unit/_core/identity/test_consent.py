# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import time
from urllib.parse import parse_qsl, urlencode

import jwt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import consent

TENANT = "44444444-4444-4444-8444-444444444444"
CLIENT = "11111111-1111-4111-8111-111111111111"
KEY = "a long random value for tests"
AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://api.security.microsoft.com/.default"
DAY = 24 * 3600
LONG_KEYS = st.text(min_size=16, max_size=40)
TENANTS = st.uuids().map(str) | st.sampled_from(["contoso.com", "fabrikam.onmicrosoft.com"])


def parts_of(url: str) -> tuple[str, dict[str, str]]:
    address, _unused, query = url.partition("?")
    return address, dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))


def redirect(**parameters: str) -> str:
    return f"https://partner.example/consent?{urlencode(parameters)}"


@given(redirect_uri=st.text(min_size=1), state=st.text(min_size=1), tenant=TENANTS)
def test_a_v2_link_gives_back_every_part(redirect_uri: str, state: str, tenant: str) -> None:
    url = consent.build_url("admin_consent", AUTHORITY, tenant, CLIENT, SCOPE, redirect_uri, state)
    assert url.isascii()
    assert parts_of(url) == (
        f"{AUTHORITY}/{tenant}/v2.0/adminconsent",
        {"client_id": CLIENT, "scope": SCOPE, "redirect_uri": redirect_uri, "state": state},
    )


@given(redirect_uri=st.text(), state=st.text())
def test_a_v1_link_gives_back_every_part_that_was_given(redirect_uri: str, state: str) -> None:
    url = consent.build_url("admin_consent_v1", AUTHORITY, TENANT, CLIENT, SCOPE, redirect_uri, state)
    wanted = {"client_id": CLIENT, "redirect_uri": redirect_uri, "state": state}
    assert parts_of(url) == (
        f"{AUTHORITY}/{TENANT}/adminconsent",
        {name: value for name, value in wanted.items() if value},
    )


def test_the_authorize_form_is_that_of_microsofts_partner_page_byte_for_byte() -> None:
    assert consent.build_url("authorize", AUTHORITY, "common", CLIENT, SCOPE, None, None) == (
        "https://login.microsoftonline.com/common/oauth2/authorize"
        f"?prompt=consent&client_id={CLIENT}&response_type=code&sso_reload=true"
    )


def test_the_authorize_form_can_carry_a_redirect_and_a_state() -> None:
    _unused, query = parts_of(
        consent.build_url("authorize", AUTHORITY, "common", CLIENT, SCOPE, "https://r.example/", "s")
    )
    assert (query["redirect_uri"], query["state"], query["prompt"]) == ("https://r.example/", "s", "consent")


def test_a_v2_link_needs_a_redirect_uri() -> None:
    with pytest.raises(OptionError, match=r"^redirect_uri is missing: "):
        consent.build_url("admin_consent", AUTHORITY, TENANT, CLIENT, SCOPE, None, "s")


@pytest.mark.parametrize("uri", [None, ""])
def test_no_redirect_uri_is_none(uri: str | None) -> None:
    assert consent.check_redirect_uri(uri) is None


@pytest.mark.parametrize("uri", ["https://partner.example/a", "http://localhost:8080/a", "https://x/" + "a" * 246])
def test_a_redirect_uri_entra_accepts_passes(uri: str) -> None:
    assert consent.check_redirect_uri(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "http://partner.example",
        "http://127.0.0.1/",
        "partner.example",
        "https://",
        "https://[",
        "https://*.partner.example/",
        "https://partner.example/(a)",
        "https://partner.example/#fragment",
        "https://partner.example/" + "a" * 256,
    ],
)
def test_a_redirect_uri_entra_refuses_is_refused(uri: str) -> None:
    with pytest.raises(OptionError, match=r"^redirect_uri '"):
        consent.check_redirect_uri(uri)
    with pytest.raises(OptionError, match=r"^redirect_uris '"):
        consent.check_redirect_uri(uri, "redirect_uris")


@given(key=LONG_KEYS, tenant=TENANTS, client=st.uuids().map(str), days=st.integers(1, 400))
def test_a_signed_state_gives_back_its_tenant(key: str, tenant: str, client: str, days: int) -> None:
    signed = consent.sign_state(key, tenant, client, days * DAY, time.time())
    assert consent.read_state(key, signed.value, client.upper()) == tenant
    assert consent.read_state(key, signed.value) == tenant


@given(lifetime=st.integers(1, 10**7), now=st.floats(0, 4 * 10**9))
def test_a_state_is_good_for_one_to_two_lifetimes(lifetime: int, now: float) -> None:
    signed = consent.sign_state(KEY, TENANT, CLIENT, lifetime, now)
    assert lifetime <= signed.expires_at - int(now) <= 2 * lifetime


def test_a_state_stays_the_same_until_it_is_due_for_renewal() -> None:
    start = 1000 * DAY
    first, same, renewed = (
        consent.sign_state(KEY, TENANT, CLIENT, DAY, start + seconds) for seconds in (0, DAY - 1, DAY)
    )
    assert first == same
    assert renewed.expires_at == first.expires_at + DAY


@given(part=st.integers(0, 2), position=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_state_with_any_bit_changed_is_refused(part: int, position: int, bit: int) -> None:
    parts = consent.sign_state(KEY, TENANT, CLIENT, DAY, time.time()).value.split(".")
    content = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
    content[position % len(content)] ^= 1 << bit
    parts[part] = base64.urlsafe_b64encode(bytes(content)).rstrip(b"=").decode()
    with pytest.raises(ValueError, match="the state was not signed with this key"):
        consent.read_state(KEY, ".".join(parts))


@given(key=LONG_KEYS)
def test_a_state_signed_with_another_key_is_refused(key: str) -> None:
    signed = consent.sign_state(key, TENANT, CLIENT, DAY, time.time())
    with pytest.raises(ValueError, match="the state was not signed with this key"):
        consent.read_state(KEY, signed.value)


def test_an_unsigned_state_is_refused() -> None:
    unsigned = jwt.encode({"tenant": TENANT, "app": CLIENT, "exp": time.time() + DAY}, None, algorithm="none")
    with pytest.raises(ValueError, match="the state was not signed with this key"):
        consent.read_state(KEY, unsigned)


def test_the_key_itself_signs_nothing_that_passes_for_a_state() -> None:
    foreign = jwt.encode({"tenant": TENANT, "exp": time.time() + DAY}, KEY.ljust(32), algorithm="HS256")
    with pytest.raises(ValueError, match="the state was not signed with this key"):
        consent.read_state(KEY.ljust(32), foreign)


@given(text=st.text())
def test_any_other_text_is_no_state(text: str) -> None:
    with pytest.raises(ValueError, match="the state was not signed with this key"):
        consent.read_state(KEY, text)


def test_an_expired_state_is_refused() -> None:
    signed = consent.sign_state(KEY, TENANT, CLIENT, 60, time.time() - 121)
    with pytest.raises(ValueError, match="the link has expired"):
        consent.read_state(KEY, signed.value)


def test_a_state_of_another_application_is_refused() -> None:
    signed = consent.sign_state(KEY, TENANT, CLIENT, DAY, time.time())
    with pytest.raises(ValueError, match="the state belongs to another application"):
        consent.read_state(KEY, signed.value, TENANT)


@given(key=st.text(max_size=15))
def test_a_key_that_could_be_guessed_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(OptionError) as refused:
        consent.sign_state(key, TENANT, CLIENT, DAY, time.time())
    assert str(refused.value) == "state_key is shorter than 16 characters: use a long random value"


def test_a_consent_is_read_from_its_redirect() -> None:
    state = consent.sign_state(KEY, TENANT, CLIENT, DAY, time.time()).value
    read = consent.read_redirect(redirect(admin_consent="True", tenant=TENANT, state=state), KEY, CLIENT)
    assert (read.consented, read.declined, read.tenant_id, read.error) == (True, False, TENANT, None)
    assert (read.state_tenant_id, read.state_fault) == (TENANT, None)


def test_a_code_counts_as_consent_in_the_authorize_form() -> None:
    assert consent.read_redirect(redirect(code="0.AX", session_state="s")).consented is True


@pytest.mark.parametrize("error", ["consent_required", "permission_denied", "access_denied"])
def test_an_error_counts_although_admin_consent_is_true(error: str) -> None:
    read = consent.read_redirect(redirect(error=error, error_description="AADSTS65004: no", admin_consent="True"))
    assert (read.consented, read.declined, read.error) == (False, True, error)
    assert read.error_description == "AADSTS65004: no"


def test_a_fault_of_the_service_is_neither_a_consent_nor_a_refusal() -> None:
    read = consent.read_redirect(redirect(error="server_error", admin_consent="True"))
    assert (read.consented, read.declined) == (False, False)


def test_a_state_bound_to_another_tenant_is_told() -> None:
    state = consent.sign_state(KEY, TENANT, CLIENT, DAY, time.time()).value
    read = consent.read_redirect(redirect(admin_consent="True", tenant=CLIENT, state=state), KEY)
    assert (read.state_tenant_id, read.state_fault) == (None, "the state belongs to another tenant")


def test_a_state_bound_to_a_domain_cannot_be_compared_with_a_guid() -> None:
    state = consent.sign_state(KEY, "contoso.com", CLIENT, DAY, time.time()).value
    read = consent.read_redirect(redirect(admin_consent="True", tenant=TENANT, state=state), KEY)
    assert (read.state_tenant_id, read.state_fault) == ("contoso.com", None)


def test_a_missing_state_is_a_fault_once_there_is_a_key() -> None:
    url = redirect(admin_consent="True", tenant=TENANT)
    assert consent.read_redirect(url, KEY).state_fault == "the state was not signed with this key"
    assert consent.read_redirect(url).state_fault is None


@given(tenant=st.text(min_size=1), error=st.text(min_size=1), description=st.text(min_size=1))
def test_what_a_redirect_says_is_read_back_whatever_it_is(tenant: str, error: str, description: str) -> None:
    read = consent.read_redirect(redirect(tenant=tenant, error=error, error_description=description))
    assert (read.tenant_id, read.error, read.error_description) == (tenant, error, description)
    assert read.consented is False


@given(url=st.text(st.characters(exclude_characters="%")).map(lambda text: f"https://{text}") | st.just("https://["))
def test_no_text_claims_a_consent_by_accident(url: str) -> None:
    assume("admin_consent" not in url and "code" not in url)
    assert consent.read_redirect(url, KEY).consented is False
