# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer has an end, at whatever place its server begins to send it byte by byte."""

from __future__ import annotations

import pytest
from support.raw_servers import sending
from support.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.wire import http
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

# no part of an answer takes as long as this, on whatever machine
TIMEOUT = 60
HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPPING = {
    "status line": (b"", b"H"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "header": (HEAD + b"X-Slow: ", b"a"),
    "body": (HEAD + b"Content-Length: 1000000\r\n\r\n", b"a"),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
}


@pytest.fixture
def certificate(certificates: tuple[str, str]) -> str:
    return certificates[1]


@pytest.mark.parametrize("place", DRIPPING)
def test_an_answer_that_comes_byte_by_byte_ends(
    server: ScriptedServer, certificate: str, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(http, "_TIMEOUTS_OF_AN_ANSWER", 1 / TIMEOUT)
    begin, endless = DRIPPING[place]
    with sending(begin, over=certificate, endless=endless, pause=0.02) as host, pytest.raises(TenantError) as failed:
        Transport(server.ca_path, TIMEOUT).send("GET", f"https://{host}/", Patience(retries=3, max_wait=0))
    reason = failed.value.reason
    assert (reason.state, reason.code) == ("unreachable", None)
    assert reason.meaning == f"{host} could not be reached: its answer was not complete after 1 s"


@pytest.mark.parametrize("endless", [b"H", b"X-Slow: a\r\n"])
def test_a_proxy_that_never_comes_to_the_point_ends_too(monkeypatch: pytest.MonkeyPatch, endless: bytes) -> None:
    begin = b"" if endless == b"H" else b"HTTP/1.1 200 Connection established\r\n"
    with sending(begin, endless=endless, pause=0.001) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
        with pytest.raises((TenantError, Postponed)):
            Transport(None, TIMEOUT).send("GET", "https://defender.invalid/", Patience(0, 0, seconds=1))


def test_a_service_that_may_take_long_is_waited_for(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_TIMEOUTS_OF_AN_ANSWER", 0.001)
    server.script("/hunt", Answer({"results": []}, delay=1.5))
    transport = Transport(server.ca_path, timeout=1)
    assert transport.send("POST", f"{server.url}/hunt", Patience(0, 0), seconds=TIMEOUT).json() == {"results": []}


def test_a_deadline_ends_with_the_call_that_had_it(server: ScriptedServer, certificate: str) -> None:
    transport = Transport(server.ca_path, TIMEOUT)
    with sending(HEAD, over=certificate, endless=b"a", pause=0.02) as host, pytest.raises(TenantError):
        transport.send("GET", f"https://{host}/", Patience(0, 0, seconds=0.5))
    server.script("/a", Answer({}, delay=0.6))
    for _unused in range(2):
        assert transport.send("GET", f"{server.url}/a", Patience(0, 0)).status == 200
