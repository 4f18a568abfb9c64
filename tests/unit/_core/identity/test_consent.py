# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import time
from urllib.parse import parse_qsl

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import consent

TENANT = "44444444-4444-4444-8444-444444444444"
CLIENT = "11111111-1111-4111-8111-111111111111"
KEY = "a long random value for tests"
AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://api.security.microsoft.com/.default"
DAY = 24 * 3600
LONG_KEYS = st.binary(min_size=16, max_size=40).map(lambda drawn: hashlib.sha256(drawn).hexdigest())
TENANTS = st.uuids().map(str) | st.sampled_from(["contoso.com", "fabrikam.onmicrosoft.com"])


def parts_of(url: str) -> tuple[str, dict[str, str]]:
    address, _unused, query = url.partition("?")
    return address, dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))


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


@pytest.mark.parametrize(
    "uri",
    [
        "https://partner.example/a",
        "http://localhost:8080/a",
        "https://x/" + "a" * 246,
        "https://partner.example:8443/@me?at=a@b",
        "https://xn--mnchen-3ya.example/",
        "https://10.0.0.1/",
        "https://[2001:db8::1]/",
        "https://3com.example/?from=soc&states=1",
        "https://xn--p1ai/",
    ],
)
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
        "https://partner.example@evil.example/",
        "https://partner.example:secret@evil.example/",
        "https://@evil.example/",
        "https://evil.example\\@partner.example/",
        "https://evil.example\\.partner.example/",
        "https://partner.example%40evil.example/",
        "https://partner.example%2f.evil.example/",
        "https://p\u0430rtner.example/",
        "https://partner\u3002example/",
        "https://partner.example/\u202e",
        "https://partner.example/a b",
        "https://partner.example/\x00",
        "https://partner.example/\x7f",
        "https://partner.example/\n",
        "\thttps://partner.example/",
        "https://partner.example:0/",
        "https://partner.example:70000/",
        "https://partner.example:80a/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "http://localhost./",
        "http://[::1]/",
        "https://./",
        "https://-/",
        "https://~/",
        "https://soc..example/",
        "https://soc.example./",
        "https://-soc.example/",
        "https://soc_.example/",
        "https://a=b/",
        "https://soc.example&evil/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://a." + "b" * 100 + "/",
        "https://soc.example/\\evil",
        "https://soc.example/<script>",
        'https://soc.example/"x',
        "https://soc.example/?state=1",
        "https://soc.example/?tenant=x&code=1",
        "https://soc.example/?a=1&Error=",
        "https:partner.example",
        "https:///partner.example",
        "//partner.example/",
    ],
)
def test_a_redirect_uri_that_entra_refuses_or_that_leads_elsewhere_is_refused(uri: str) -> None:
    with pytest.raises(OptionError, match=r"^redirect_uri ") as refused:
        consent.check_redirect_uri(uri)
    assert "secret" not in str(refused.value)
    with pytest.raises(OptionError, match=r"^redirect_uris "):
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
def test_a_key_that_is_short_is_refused_without_repeating_it(key: str) -> None:
    for use in (lambda: consent.sign_state(key, TENANT, CLIENT, DAY, time.time()), lambda: consent.read_state(key, "")):
        with pytest.raises(OptionError) as refused:
            use()
        assert str(refused.value) == "state_key is shorter than 16 characters: use a long random value"


@pytest.mark.parametrize(
    "key",
    [
        " " * 16,
        "\t\n" * 20,
        "\u3000" * 16,
        "\u200b" * 16,
        "a" * 16,
        "a" * 4000,
        "ab" * 20,
        "1234" * 8,
        "0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz",
        "s e c r e t" + " " * 20,
        f"{' ' * 8}short key{' ' * 8}",
        "changemechangeme",
        "passwordpassword",
        "mysecretmysecretmysecret",
        "qwertyuiopasdfghjkl",
        "Password12345678",
        "correcthorse" * 2,
    ],
)
def test_a_key_of_blanks_or_of_too_little_variety_is_refused_without_repeating_it(key: str) -> None:
    for use in (lambda: consent.sign_state(key, TENANT, CLIENT, DAY, time.time()), lambda: consent.read_state(key, "")):
        with pytest.raises(OptionError, match=r"^state_key .*: use a long random value$") as refused:
            use()
        assert key not in str(refused.value)


@pytest.mark.parametrize("key", ["{{ vault_state_key }}", "$ANSIBLE_VAULT;1.1;AES256\n63616e617279633061"])
def test_a_key_that_was_not_resolved_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(OptionError, match=r"^state_key is a template or an encrypted text") as refused:
        consent.sign_state(key, TENANT, CLIENT, DAY, time.time())
    assert key not in str(refused.value)


@given(drawn=st.binary(min_size=8, max_size=8))
def test_the_shortest_random_key_is_taken(drawn: bytes) -> None:
    key = hashlib.sha256(drawn).hexdigest()[:16]
    assert consent.read_state(key, consent.sign_state(key, TENANT, CLIENT, DAY, time.time()).value) == TENANT


@pytest.mark.parametrize("more", [" Sign in to your account", "Sign", "=", "\n", "!", ".x", " "])
def test_a_state_with_a_text_behind_it_is_refused(more: str) -> None:
    state = consent.sign_state(KEY, TENANT, CLIENT, DAY, time.time()).value
    for changed in (state + more, more + state):
        with pytest.raises(ValueError, match="the state was not signed with this key"):
            consent.read_state(KEY, changed)
