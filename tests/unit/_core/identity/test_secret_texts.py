# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import secret_texts

NOW = 1_800_000_000
NAMED = "client_secret (AZURE_CLIENT_SECRET)"
FILE = "federated_token_file /run/token"


def token(**claims: object) -> str:
    return jwt.encode({"sub": "canary", **claims}, "canary" * 6, algorithm="HS256")


@pytest.mark.parametrize(
    ("around", "name"),
    [
        ("{}\n", "a line feed"),
        ("{}\r\n", "a carriage return and a line feed"),
        ("\t{}", "a tab"),
        (" {} ", "a blank"),
        ("\ufeff{}", "a byte order mark"),
        ("{}\u200b", "an invisible character (U+200B)"),
        ("\u00a0{}", "an invisible character (U+00A0)"),
        ("{}\0", "an invisible character (U+0000)"),
    ],
)
def test_what_cannot_be_seen_around_a_secret_is_left_out_and_named(around: str, name: str) -> None:
    secret, warnings = secret_texts.client_secret(around.format("canary~8Q"), NAMED)
    assert secret == "canary~8Q"
    assert warnings == [f"{NAMED} has {name} around it, which was left out: remove it at the source"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("can\nary", "holds a line feed in the middle"),
        ("can\u200bary", "holds an invisible character (U+200B) in the middle"),
        ("c\0a\0n\0a\0r\0y", "holds an invisible character (U+0000) in the middle"),
        ('"canary"', "stands in quotes"),
        ("'canary'\n", "stands in quotes"),
        ("\u201ccanary\u201d", "stands in quotes"),
        ("$ANSIBLE_VAULT;1.1;AES256\n6361", "is still encrypted by ansible-vault"),
        ("-----BEGIN PRIVATE KEY-----\ncanary", "holds a key or a certificate"),
        (token(), "holds a token"),
        ("AZURE_CLIENT_SECRET=canary", "has its name in front"),
        ("client_secret=canary", "has its name in front"),
        ("client_secret: canary", "has its name in front"),
        ('{"client_secret": "canary"}', "is JSON"),
        ("{{ canary }}", "is a template"),
        ("{% if canary %}x{% endif %}", "is a template"),
        ("!vault |", "is the tag"),
        ("$encrypted$", "is what is shown"),
        ("VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "is what is shown"),
        ("********", "is what is shown"),
        ("None", "is what is shown"),
        ("null", "is what is shown"),
        ("/run/secrets/canary", "is the path of a file"),
        ("canary\\n", "ends in a backslash and an n"),
        ("canary\\r\\n", "ends in a backslash and an n"),
    ],
)
def test_what_cannot_be_a_secrets_value_is_refused_by_what_it_is_and_not_shown(text: str, fault: str) -> None:
    with pytest.raises(OptionError) as refused:
        secret_texts.client_secret(text, NAMED)
    assert str(refused.value).startswith(f"{NAMED} {fault}")
    assert "canary" not in str(refused.value)


def test_the_id_of_a_secret_is_warned_of_and_not_shown() -> None:
    """Secrets that were chosen by hand years ago may look so too."""
    text = "0f8fad5b-d9cb-469f-a165-70867728950e"
    secret, (warning,) = secret_texts.client_secret(text, NAMED)
    assert secret == text
    assert "looks like the ID of a secret" in warning
    assert text not in warning


@pytest.mark.parametrize(
    "text",
    [
        "8Q~canary.value_of-Entra",
        "/wFz+secretOf/Base64=",
        "xx8Q*~",
        "None8Q~",
        "a\\name",
        "{8Q~}",
        "with a blank",
        "it's",
        '"',
        "gr\u00fc\u00df",
        "",
    ],
)
def test_an_honest_secret_is_taken_as_it_is(text: str) -> None:
    assert secret_texts.client_secret(text, NAMED) == (text, [])


@given(text=st.text())
def test_no_secret_ever_makes_more_than_a_sentence(text: str) -> None:
    with contextlib.suppress(OptionError):
        secret, _warnings = secret_texts.client_secret(text, NAMED)
        assert secret in text


@pytest.mark.parametrize("around", ["{}", "{}\n", "  {}\r\n"])
def test_a_bare_token_is_read(around: str) -> None:
    value = token(exp=NOW + 600, nbf=NOW - 5)
    assert secret_texts.federated_token(around.format(value).encode(), FILE, NOW) == value


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"\xef\xbb\xbf" + token().encode(), " begins with a byte order mark"),
        (token().encode("utf-16"), " is UTF-16 text"),
        (token().encode("utf-16-le"), " is UTF-16 text"),
        (token().encode("utf-16-be"), " is UTF-16 text"),
        (f'"{token()}"\n'.encode(), " holds a token in quotes"),
        (f"'{token()}'".encode(), " holds a token in quotes"),
        (f"Bearer {token()}".encode(), " begins with the word Bearer"),
        (f"bearer {token()}".encode(), " begins with the word Bearer"),
        (json.dumps({"count": 1, "value": token()}).encode(), " is JSON"),
        (b"", " is empty"),
        (b" \n", " is empty"),
        (b"canary", " holds no JWT"),
        (b"canary.canary.canary", " holds no JWT"),
        (b"\xe9canary", " holds no JWT"),
        (jwt.encode({"sub": "canary"}, None, algorithm="none").encode(), " holds a token without a signature"),
        (f"{token().rpartition('.')[0]}.".encode(), " holds a token without a signature"),
        (token(exp="1").encode(), " holds a token whose exp or nbf is not a number"),
        (token(nbf=[1]).encode(), " holds a token whose exp or nbf is not a number"),
        (token(exp=NOW - 3600).encode(), ": the token in it expired at 2027-01-15 07:00 UTC"),
        (token(exp=-(10**20)).encode(), ": the token in it expired at a time that no clock shows"),
        (token(nbf=NOW + 3600).encode(), ": the token in it is valid only from 2027-01-15 09:00 UTC"),
    ],
)
def test_any_other_content_of_a_token_file_is_named_before_it_is_sent(content: bytes, fault: str) -> None:
    with pytest.raises(OptionError) as refused:
        secret_texts.federated_token(content, FILE, NOW)
    assert str(refused.value).startswith(f"{FILE}{fault}")
    assert "canary" not in str(refused.value)


def test_clocks_may_differ_a_little() -> None:
    value = token(exp=NOW - 60, nbf=NOW + 60)
    assert secret_texts.federated_token(value.encode(), FILE, NOW) == value


@given(content=st.binary(max_size=200))
def test_no_token_file_ever_makes_more_than_a_sentence(content: bytes) -> None:
    with pytest.raises(OptionError, match="federated_token_file"):
        secret_texts.federated_token(content, FILE, NOW)
