# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault strikes where it is told to, as often as it is told to, and nothing else is harmed."""

from __future__ import annotations

import email.utils
import socket
import ssl
import time
from collections.abc import Callable

import jwt
import pytest
import requests
from support.emulator import EmulatorProcess

from .conftest import Caller, claims_of

Consent = Callable[..., None]
LIST = "/api/incidents"


@pytest.fixture
def token(caller: Caller, consented: Consent) -> str:
    consented()
    return caller.token()


@pytest.fixture
def fault(emulator: EmulatorProcess) -> Callable[..., str]:
    def add(kind: str, **details: object) -> str:
        return str(emulator.control("POST", "faults", {"kind": kind, **details})["id"])

    return add


Fault = Callable[..., str]


def test_latency(caller: Caller, token: str, fault: Fault) -> None:
    fault("latency", seconds=2, times=1, path=LIST)
    start = time.monotonic()
    assert caller.get(LIST, token).status_code == 200
    assert time.monotonic() - start >= 2
    start = time.monotonic()
    assert caller.get(LIST, token).status_code == 200
    assert time.monotonic() - start < 2


def test_latency_comes_before_what_else_goes_wrong(caller: Caller, token: str, fault: Fault) -> None:
    fault("latency", seconds=0.3)
    fault("server_error", status=503)
    start = time.monotonic()
    assert caller.get(LIST, token).status_code == 503
    assert time.monotonic() - start >= 0.3


def test_throttling(caller: Caller, token: str, fault: Fault) -> None:
    fault("throttle", path=LIST, times=1)
    answer = caller.get(LIST, token)
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, False)
    assert "maximum allowed 50 per 00:01:00" in answer.json()["error"]["message"]
    fault("throttle", path=LIST, times=1, retry_after=7, body="Too Many Requests")
    answer = caller.get(LIST, token)
    assert (answer.headers["Retry-After"], answer.text) == ("7", "Too Many Requests")
    fault("throttle", path=LIST, times=1, retry_after="http-date", seconds=30)
    moment = email.utils.parsedate_to_datetime(caller.get(LIST, token).headers["Retry-After"])
    assert 25 <= moment.timestamp() - time.time() <= 31
    assert caller.get(LIST, token).status_code == 200


def test_the_token_endpoint_can_be_throttled_too(caller: Caller, token: str, fault: Fault) -> None:
    fault("throttle", path="/oauth2/v2.0/token", retry_after=1, times=2)
    assert [caller.ask_token().status_code for _turn in range(3)] == [429, 429, 200]
    assert caller.get(LIST, token).status_code == 200


def test_server_errors(caller: Caller, token: str, fault: Fault) -> None:
    fault("server_error", times=1)
    answer = caller.get(LIST, token)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "InternalServerError")
    fault("server_error", times=1, status=502, body="Bad gateway")
    answer = caller.get(LIST, token)
    assert (answer.status_code, answer.text) == (502, "Bad gateway")


def test_an_answer_that_is_no_json(caller: Caller, token: str, fault: Fault) -> None:
    fault("not_json", times=1)
    answer = caller.get(LIST, token)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_truncated_answer(caller: Caller, token: str, fault: Fault) -> None:
    fault("truncate", times=1, path=LIST)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        caller.get(LIST, token)
    assert caller.get(LIST, token).status_code == 200


def test_a_reset_connection(emulator: EmulatorProcess, caller: Caller, token: str, fault: Fault) -> None:
    fault("reset", path=LIST)
    with pytest.raises(requests.exceptions.ConnectionError):
        caller.get(LIST, token)
    # An SSL socket reports a reset as an early end: look below it.
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=emulator.ca_path)
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2])), timeout=10) as connection:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65536))
        tls.write(f"GET {LIST} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        connection.sendall(outgoing.read())
        with pytest.raises(ConnectionResetError):
            _read_to_the_end(connection)


def _read_to_the_end(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def test_slow_consent(caller: Caller, emulator: EmulatorProcess, consented: Consent, fault: Fault) -> None:
    fault("consent_propagation", seconds=1)
    consented()
    assert "roles" not in claims_of(caller.token())
    time.sleep(1.1)
    assert claims_of(caller.token())["roles"] == ["Incident.Read.All"]
    emulator.control("DELETE", "faults")
    fault("consent_propagation", seconds=1, code=7000229)
    consented("fabrikam")
    assert caller.ask_token("fabrikam").json()["error_codes"] == [7000229]
    assert caller.ask_token("contoso").status_code == 200
    time.sleep(1.1)
    assert caller.ask_token("fabrikam").status_code == 200


def test_slow_consent_counts_only_what_it_strikes(
    caller: Caller, emulator: EmulatorProcess, consented: Consent, fault: Fault
) -> None:
    consented("fabrikam")
    time.sleep(0.3)
    fault("consent_propagation", seconds=0.2, times=1, code=700016)
    assert caller.ask_token("fabrikam").status_code == 200
    emulator.control("DELETE", "faults")
    fault("consent_propagation", seconds=60, times=2, code=700016)
    consented()
    assert [caller.ask_token().status_code for _turn in range(3)] == [400, 400, 200]


@pytest.mark.usefixtures("token")
def test_clock_skew(caller: Caller, fault: Fault) -> None:
    fault("clock_skew", seconds=3600, times=1)
    early = caller.ask_token().json()
    assert claims_of(early["access_token"])["nbf"] > time.time() + 3000
    assert 3598 <= early["expires_in"] <= 5400
    assert caller.get(LIST, early["access_token"]).status_code == 401
    fault("clock_skew", seconds=-7200, times=1)
    assert claims_of(caller.token())["exp"] < time.time()
    assert abs(claims_of(caller.token())["iat"] - time.time()) < 310


@pytest.mark.usefixtures("token")
def test_an_unknown_signing_key(caller: Caller, fault: Fault) -> None:
    fault("unknown_key", times=1)
    stray = caller.token()
    published = {key["kid"] for key in caller.get("/common/discovery/v2.0/keys").json()["keys"]}
    assert jwt.get_unverified_header(stray)["kid"] not in published
    assert caller.get(LIST, stray).status_code == 401
    assert jwt.get_unverified_header(caller.token())["kid"] in published


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (90033, 503, "temporarily_unavailable"),
        (70021, 400, "invalid_request"),
        (700016, 400, "unauthorized_client"),
        (50196, 400, "invalid_grant"),
        (7000222, 401, "invalid_client"),
        (65001, 400, "invalid_grant"),
    ],
)
@pytest.mark.usefixtures("token")
def test_any_token_error(caller: Caller, fault: Fault, code: int, status: int, error: str) -> None:
    fault("token_error", code=code, times=1)
    answer = caller.ask_token()
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    assert caller.ask_token().status_code == 200


@pytest.mark.usefixtures("token")
def test_a_throttled_tenant(caller: Caller, fault: Fault) -> None:
    fault("token_error", code=90055, times=1)
    answer = caller.ask_token()
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (429, "Too Many Requests", "60")


def test_a_fault_for_one_tenant(
    caller: Caller, emulator: EmulatorProcess, token: str, consented: Consent, fault: Fault
) -> None:
    consented("fabrikam")
    fault("server_error", tenant=emulator.tenant_id("fabrikam"))
    other = requests.utils.quote(emulator.tenant_id("contoso"))
    assert caller.ask_token(other).status_code == 200
    assert caller.ask_token("fabrikam").status_code == 500
    assert caller.ask_token("fabrikam.example").status_code == 500
    emulator.control("DELETE", "faults")
    others_token = caller.token("fabrikam")
    fault("server_error", tenant="fabrikam.example", path="/api/")
    assert caller.get(LIST, others_token).status_code == 500
    assert caller.get(LIST, token).status_code == 200


def test_faults_are_listed_and_ended(caller: Caller, emulator: EmulatorProcess, token: str, fault: Fault) -> None:
    first, second = fault("server_error", path="/api/"), fault("latency", seconds=0)
    assert [(f["id"], f["kind"]) for f in emulator.control("GET", "faults")] == [
        (first, "server_error"),
        (second, "latency"),
    ]
    emulator.control("DELETE", f"faults/{first}")
    assert caller.get(LIST, token).status_code == 200
    emulator.control("DELETE", "faults")
    assert emulator.control("GET", "faults") == []
    with pytest.raises(AssertionError, match="404"):
        emulator.control("DELETE", f"faults/{first}")


def test_a_byte_order_mark(caller: Caller, token: str, fault: Fault) -> None:
    plain = caller.get(LIST, token).content
    fault("bom", path=LIST, times=1)
    assert caller.get(LIST, token).content == b"\xef\xbb\xbf" + plain
    assert caller.get(LIST, token).content == plain
    fault("bom")
    fault("server_error", status=503)
    broken = caller.get(LIST, token)
    assert (broken.status_code, broken.content[:4]) == (503, b"\xef\xbb\xbf{")
    assert caller.ask_token().content.startswith(b"\xef\xbb\xbf{")


@pytest.mark.parametrize("body", ["", "<h1>Blocked</h1>"])
def test_a_filter_that_forbids(caller: Caller, token: str, fault: Fault, body: str) -> None:
    fault("not_json", path=LIST, status=403, body=body)
    answer = caller.get(LIST, token)
    assert (answer.status_code, answer.text) == (403, body)
    assert answer.headers["Content-Type"].startswith("text/html")
