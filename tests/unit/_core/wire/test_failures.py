# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What went wrong on the way, named so that whoever can change it knows."""

from __future__ import annotations

import errno
import socket
import ssl
import sys
from typing import Any

import pytest
from support.raw_servers import sending
from support.scripted_server import ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, Reason, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

TIMEOUT = 60
FAR = "https://defender.invalid/"


def failure_of(url: str, ca_path: str | None = None, retries: int = 0) -> Reason:
    """Return the reason that the call ends for, which does not depend on how patient the caller is."""
    with pytest.raises((TenantError, Postponed)) as failed:
        Transport(ca_path, TIMEOUT).send("GET", url, Patience(retries, 0))
    ended: Any = failed.value
    reason: Reason = getattr(ended, "error", ended).reason
    assert reason.state == "unreachable"
    return reason


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"HTTP/1.1 200 OK\r\n" + b"X-One: 1\r\n" * 150 + b"\r\n", "its answer has more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 70_000 + b"\r\n\r\n", "its answer has a header longer than 64 KiB"),
        (b"220 mail.example ESMTP\r\n\r\n", "its answer is not HTTP"),
        (b"HTTP/1.1 20x OK\r\n\r\n", "its answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", "the reply was cut off"),
    ],
    ids=["many headers", "long header", "mail", "status", "chunks"],
)
def test_an_answer_that_is_no_good_http_is_told_from_a_firewall(
    server: ScriptedServer, certificates: tuple[str, str], answer: bytes, what: str
) -> None:
    with sending(answer, over=certificates[1]) as host:
        reason = failure_of(f"https://{host}/", server.ca_path)
    assert reason.meaning.startswith(f"{host} could not be reached: {what}")
    assert "firewall" not in reason.remedy


@pytest.mark.parametrize(
    ("code", "what", "remedy"),
    [
        (errno.EMFILE, "this process has no open file left to give", "ulimit -n"),
        (errno.ENFILE, "this machine has no open file left to give", "concurrency"),
        (errno.ENOMEM, "this machine has no memory left", "concurrency"),
        (errno.EADDRNOTAVAIL, "this machine has no address or no free port to connect from", "concurrency"),
        (errno.ENETUNREACH, "this machine has no route to it", "network"),
        (errno.EACCES, "this machine forbids the connection", "firewall"),
        (errno.ECONNREFUSED, "the connection was refused or reset", "firewall"),
    ],
)
def test_what_this_machine_lacks_is_told_from_what_the_network_does(
    monkeypatch: pytest.MonkeyPatch, code: int, what: str, remedy: str
) -> None:
    def fail(*_unused: Any, **__: Any) -> None:
        raise OSError(code, "a text of the library's")

    monkeypatch.setattr(socket.socket, "connect", fail)
    reason = failure_of("https://127.0.0.1:9/")
    assert reason.meaning == f"127.0.0.1:9 could not be reached: {what}"
    assert remedy in reason.remedy


def test_dns_that_does_not_answer_is_told_from_a_name_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_unused: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert failure_of(FAR).meaning.endswith("its name does not resolve, because no DNS server answers")


def test_plain_http_where_tls_was_expected_is_named(server: ScriptedServer) -> None:
    with sending(b"HTTP/1.1 400 Bad Request\r\n\r\n") as host:
        reason = failure_of(f"https://{host}/", server.ca_path)
    assert "it does not speak TLS there (" in reason.meaning
    assert "plain HTTP" in reason.remedy


def test_a_server_that_speaks_no_common_version_of_tls_is_named(
    server: ScriptedServer, certificates: tuple[str, str]
) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(certificates[1])
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    transport = Transport(server.ca_path, TIMEOUT)
    transport._trusted.context.minimum_version = ssl.TLSVersion.TLSv1_3
    with sending(over=old) as host, pytest.raises(TenantError) as failed:
        transport.send("GET", f"https://{host}/", Patience(0, 0))
    assert "it has no version of TLS in common with this machine (" in failed.value.reason.meaning


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_demands_a_client_certificate_is_named(
    server: ScriptedServer, certificates: tuple[str, str], version: ssl.TLSVersion
) -> None:
    demanding = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    demanding.load_cert_chain(certificates[1])
    demanding.load_verify_locations(server.ca_path)
    demanding.verify_mode = ssl.CERT_REQUIRED
    demanding.maximum_version = version
    with sending(over=demanding) as host:
        reason = failure_of(f"https://{host}/", server.ca_path)
    assert "client certificate" in reason.meaning + reason.remedy


PROXY_ANSWERS = {
    407: "the proxy {proxy} wants a user name and password (HTTP 407)",
    403: "the proxy {proxy} forbids it (HTTP 403)",
    502: "the proxy {proxy} could not connect to it (HTTP 502)",
}


@pytest.mark.parametrize("status", PROXY_ANSWERS)
def test_a_proxy_that_refuses_is_told_from_one_that_is_dead(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with sending(f"HTTP/1.1 {status} No \x1b[31m\r\nContent-Length: 0\r\n\r\n".encode()) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
        reason = failure_of(FAR)
    assert reason.meaning == f"defender.invalid could not be reached: {PROXY_ANSWERS[status].format(proxy=proxy)}"


def test_a_login_that_a_proxy_refuses_is_not_shown_nor_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with sending(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"user:canary@{proxy}")
        with pytest.raises(TenantError) as failed:
            Transport(None, TIMEOUT).send("GET", FAR, Patience(3, 0))
    reason = failed.value.reason
    said = f"the proxy {proxy} refused the user name and password of HTTPS_PROXY (HTTP 407)"
    assert reason.meaning == f"defender.invalid could not be reached: {said}"
    assert "canary" not in str(reason)


def test_a_proxy_that_speaks_no_tls_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with sending(b"HTTP/1.1 400 Bad Request\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://user:canary@{proxy}")
        reason = failure_of(FAR)
    assert reason.meaning == f"defender.invalid could not be reached: TLS with the proxy {proxy} failed"
    assert "http://" in reason.remedy
    assert "canary" not in str(reason)


def test_a_socks_proxy_needs_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5h://user:canary@proxy.example:1080")
    if "socks" in sys.modules:
        pytest.skip("PySocks is installed")
    reason = failure_of(FAR)
    assert reason.meaning.endswith("HTTPS_PROXY names a SOCKS proxy, and the Python library PySocks is missing")
    assert "canary" not in str(reason)


def test_a_proxy_that_can_be_none_is_said_once_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary@proxy.example:80a")
    with pytest.raises(TenantError) as failed:
        Transport(None, TIMEOUT).send("GET", FAR, Patience(3, 0))
    assert "HTTPS_PROXY names a proxy with a port that is not a number" in failed.value.reason.meaning
    assert "canary" not in str(failed.value.reason)
