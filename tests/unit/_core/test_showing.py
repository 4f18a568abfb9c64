# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import secrets
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import showing

SECRET = "abc8Q~Zk3.fGhT_p-LmN0qRsTuVwXyZ12345678"


@pytest.mark.parametrize(
    "value",
    [
        "44444444-4444-4444-8444-444444444444",
        "44444444-4444-4444-8444-44444444444",
        "contoso",
        "contoso.example",
        "contoso365.onmicrosoft.com",
        "https://login2.proxy-7.example:8443/entra",
        "not a tenant",
        "Incidents.Read.All",
        "SecurityIncident.ReadWrite.All",
        "InProgress",
        "gcc_high",
        "analyst@contoso.example",
        "münchen.example",
        "Ελλάδα",
        "44444444-4444-4444-8444-44444444444F",
        "0",
        "-1",
        "30x",
        "5 weeks",
        "2026-13-01",
        "2026-11-20T08:00:00Z",
        "http://soc.example/consent",
        "https://login.example:8443/x",
        "/etc/mssp-7f3a/app.pem",
        "credential.yml",
        "",
    ],
)
def test_what_can_be_no_secret_is_shown(value: str) -> None:
    assert showing.shown(value) == f"'{value}'"


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"x{SECRET}",
        f"/tmp/{SECRET}",
        "hunter2",
        "Sommer2026!",
        "s3cret",
        "TOPSECRETVALUE",
        "qXbTzPlmWoKeRnAy",
        "correcthorsebatterystaple",
        "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d",
        "12345678",
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.c2ln",
        "https://user:pa55w0rd@soc.example/",
        "https://user:letters@soc.example/",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ",
    ],
)
def test_what_could_be_a_secret_is_told_by_its_length(value: str) -> None:
    assert showing.shown(value) == f"({len(value)} characters, not shown)"


# as Entra ID makes them: 40 of letters, digits, and these marks
@given(st.text(string.ascii_letters + string.digits + "~._-", min_size=40, max_size=40))
def test_a_secret_of_entra_is_not_shown(value: str) -> None:
    is_random = bool(re.search(r"\d[A-Za-z]|[A-Za-z]\d|~\w", value))
    assert not is_random or showing.shown(value) == "(40 characters, not shown)"


def test_random_secrets_are_not_shown() -> None:
    for made in (secrets.token_urlsafe, secrets.token_hex):
        assert all("not shown" in showing.shown(made(32)) for _attempt in range(200))


def test_a_character_that_cannot_be_seen_is_written_out() -> None:
    assert showing.shown("contoso\u200b.example") == "'contoso\\u200b.example'"


def test_a_file_that_is_there_is_shown_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert showing.shown("app7x9Q.pem") == "(11 characters, not shown)"
    (tmp_path / "app7x9Q.pem").touch()
    assert showing.shown("app7x9Q.pem") == "'app7x9Q.pem'"


@pytest.mark.parametrize(
    ("message", "given_values", "told"),
    [
        (f"client_id '{SECRET}' is no GUID", {"client_id": SECRET}, "client_id (39 characters, not shown) is no GUID"),
        (f"cannot convert: {SECRET}", {"timeout": SECRET}, "cannot convert: (39 characters, not shown)"),
        (f"tenant_id '{SECRET.lower()}'", {"tenant_id": SECRET}, "tenant_id (39 characters, not shown)"),
        (f'"{SECRET}"', {"tags": {"add": [SECRET]}}, "(39 characters, not shown)"),
        (f"there is no {SECRET}", {"tags": {SECRET: 1}}, "there is no (39 characters, not shown)"),
        (f"no match for: {SECRET}", {"fail_on": f"error, {SECRET}"}, "no match for: (39 characters, not shown)"),
        (f"it is {SECRET}.", {"name": f" {SECRET}\n"}, "it is (39 characters, not shown)."),
        (f"it is {'a' + chr(10) + SECRET!r}", {"name": f"a\n{SECRET}"}, "it is (41 characters, not shown)"),
        ("there are two 'Nr7x9'", {"tenants": [{"name": "Nr7x9", "tenant_id": "a"}]}, "there are two 'Nr7x9'"),
        ("status 'Activ' is none", {"status": "Activ"}, "status 'Activ' is none"),
        ("limit is 0", {"limit": 0, "cache": None}, "limit is 0"),
    ],
)
def test_a_message_quotes_no_value_that_could_be_a_secret(
    message: str, given_values: dict[str, object], told: str
) -> None:
    assert showing.without_values(message, given_values) == told


def test_the_value_of_a_secret_option_is_not_shown_even_if_it_is_a_word() -> None:
    given_values = {"client_id": "letmein", "client_secret": "letmein"}
    assert showing.without_values("client_id 'letmein'", given_values) == "client_id 'letmein'"
    told = showing.without_values("client_id 'letmein'", given_values, {"client_secret"})
    assert told == "client_id (7 characters, not shown)"
