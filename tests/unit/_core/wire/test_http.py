# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.raw_servers import running_proxy
from support.scripted_server import CUT_OFF, RESET, Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError, Postponed, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

QUOTA = {"error": {"code": "429", "message": "API calls quota exceeded! maximum allowed 45 per 00:01:00"}}


def failure_of(transport: Transport, url: str) -> TenantError:
    with pytest.raises(TenantError) as failed:
        transport.send("GET", url, Patience(retries=0, max_wait=0))
    return failed.value


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def hangs_up() -> Iterator[str]:
    """The address of a peer that accepts connections and closes them before TLS begins."""
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        while True:
            try:
                connection, _unused = listener.accept()
            except OSError:
                return
            connection.recv(4096)
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    thread = threading.Thread(target=hang_up, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_reply_carries_status_headers_text_and_host(server: ScriptedServer, transport: Transport) -> None:
    server.script("/a", Answer({"Name": "Grüße"}, status=404, headers={"X-Trace": "7"}))
    reply = transport.send("GET", f"{server.url}/a", Patience(0, 0), params={"$top": 2})
    assert (reply.status, reply.json(), reply.host) == (404, {"Name": "Grüße"}, server.host)
    assert reply.headers["x-trace"] == "7"
    assert server.requests[0].query == {"$top": "2"}


def test_a_form_is_posted_with_the_given_headers(server: ScriptedServer, transport: Transport) -> None:
    transport.send("POST", f"{server.url}/a", Patience(0, 0), data={"secret": "a&b=c ü"}, headers={"X-One": "1"})
    (request,) = server.requests
    assert (request.method, request.form, request.headers["X-One"]) == ("POST", {"secret": "a&b=c ü"}, "1")


def test_the_token_is_sent_as_a_bearer_token(server: ScriptedServer, transport: Transport) -> None:
    transport.send("GET", f"{server.url}/a", Patience(0, 0), token="t0k3n")
    assert server.requests[0].headers["Authorization"] == "Bearer t0k3n"


def test_a_netrc_file_adds_no_credentials(
    server: ScriptedServer, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    transport.send("GET", f"{server.url}/a", Patience(0, 0))
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: ScriptedServer, transport: Transport, status: int) -> None:
    server.script("/a", Answer(status=status, headers={"Location": f"{server.url}/b"}))
    assert transport.send("GET", f"{server.url}/a", Patience(0, 0), token="t").status == status
    assert server.requests_to("/b") == []


def test_a_timeout_of_the_request_is_worth_another_try(server: ScriptedServer, transport: Transport) -> None:
    server.script("/a", Answer("", 408))
    with pytest.raises(Postponed):
        transport.send("GET", f"{server.url}/a", Patience(retries=1, max_wait=0))


def _send_often(transport: Transport, url: str, patience: Patience) -> None:
    for _unused in range(1000):
        with contextlib.suppress(Postponed):
            transport.send("GET", url, patience)


def test_the_time_of_a_tenant_is_spent_on_calls_and_pauses(server: ScriptedServer, transport: Transport) -> None:
    server.script("/a", Answer(status=500))
    patience = Patience(retries=1000, max_wait=0, seconds=100)
    with pytest.raises(TenantError) as ended:
        _send_often(transport, f"{server.url}/a", patience)
    reason = ended.value.reason
    assert (reason.state, reason.code) == ("unreachable", None)
    assert reason.meaning == f"the 100 s of tenant_timeout were over before {server.host} had answered everything"
    # pauses of thirty seconds at most
    assert 4 <= len(server.requests) <= 20


def test_cookies_are_not_kept_between_tenants(server: ScriptedServer, transport: Transport) -> None:
    server.script("/a", Answer(headers={"Set-Cookie": "session=contoso; Path=/"}))
    for _unused in range(2):
        transport.send("GET", f"{server.url}/a", Patience(0, 0))
    assert "Cookie" not in server.requests[1].headers


@pytest.mark.parametrize("body", ["<html>login</html>", "", '{"value": [', "Too Many Requests", "[]", "7"])
def test_a_body_that_is_no_json_object_ends_the_tenant(server: ScriptedServer, transport: Transport, body: str) -> None:
    server.script("/a", Answer(body))
    reply = transport.send("GET", f"{server.url}/a", Patience(0, 0))
    with pytest.raises(TenantError) as failed:
        reply.json()
    assert failed.value.reason.state == "unreachable"
    assert f"between this machine and {server.host} answered HTTP 200" in failed.value.reason.meaning


def test_ca_path_wins_over_the_environment(
    server: ScriptedServer, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    assert transport.send("GET", f"{server.url}/a", Patience(0, 0)).status == 404


def test_an_untrusted_certificate_names_the_option_that_mends_it(server: ScriptedServer) -> None:
    reason = failure_of(Transport(timeout=5), f"{server.url}/a").reason
    assert reason.state == "unreachable"
    assert reason.meaning.startswith(f"TLS with {server.host} failed: ")
    assert "ca_path" in reason.remedy
    assert server.requests == []


@pytest.mark.parametrize("content", ["", "no certificate", None])
def test_an_unusable_ca_bundle_is_refused_before_any_call(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(OptionError) as refused:
        Transport(str(bundle))
    assert str(refused.value).startswith(f"ca_path {bundle} cannot be used")


def test_a_peer_that_hangs_up_during_the_handshake_is_worth_another_try(hangs_up: str) -> None:
    with pytest.raises(Postponed) as postponed:
        Transport(timeout=5).send("GET", hangs_up, Patience(retries=1, max_wait=0))
    assert "certificate" not in postponed.value.error.reason.meaning


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (Answer(fault=RESET), "the connection was refused or reset"),
        (Answer({"value": []}, fault=CUT_OFF), "the reply was cut off"),
        (Answer(delay=1.5), "no answer within 1 s"),
    ],
    ids=["reset", "cut off", "late"],
)
def test_a_network_failure_is_told_in_our_own_words(server: ScriptedServer, answer: Answer, what: str) -> None:
    server.script("/a", answer)
    reason = failure_of(Transport(server.ca_path, timeout=1), f"{server.url}/a").reason
    assert (reason.state, reason.meaning) == ("unreachable", f"{server.host} could not be reached: {what}")


def test_a_closed_port_is_unreachable() -> None:
    reason = failure_of(Transport(timeout=5), f"https://127.0.0.1:{closed_port()}/").reason
    assert reason.meaning.endswith("could not be reached: the connection was refused or reset")


def test_a_name_that_does_not_resolve_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", find_nothing)
    reason = failure_of(Transport(timeout=5), "https://defender.invalid/").reason
    assert (reason.state, reason.remedy) == ("unreachable", "check the host name and DNS")
    assert reason.meaning == "defender.invalid could not be reached: its name does not resolve"


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "x..invalid"])
def test_a_host_that_can_be_no_name_is_unreachable(host: str) -> None:
    reason = failure_of(Transport(timeout=5), f"https://{host}/").reason
    assert reason.state == "unreachable"
    assert reason.meaning.startswith(f"{host} could not be reached: ")


def test_the_password_of_a_proxy_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:canary@127.0.0.1:{closed_port()}")
    reason = failure_of(Transport(timeout=5), "https://defender.invalid/").reason
    assert reason.meaning.startswith("defender.invalid could not be reached: the proxy 127.0.0.1:")
    assert "canary" not in str(reason)


@pytest.mark.parametrize("over_tls", [False, True])
def test_a_proxy_of_the_environment_is_used(
    server: ScriptedServer,
    certificates: tuple[str, str],
    transport: Transport,
    monkeypatch: pytest.MonkeyPatch,
    over_tls: bool,
) -> None:
    with running_proxy(certificates[1] if over_tls else None) as (address, asked_for):
        monkeypatch.setenv("HTTPS_PROXY", address)
        for _unused in range(2):
            assert transport.send("GET", f"{server.url}/a", Patience(0, 0), token="t0k3n").status == 404
    assert asked_for == [server.host]
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer t0k3n"] * 2


def test_a_host_that_no_proxy_is_for_is_asked_directly(
    server: ScriptedServer, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert transport.send("GET", f"{server.url}/a", Patience(0, 0)).status == 404


@pytest.mark.parametrize("answer", [Answer(status=500), Answer(status=503, body="<html>"), Answer(fault=RESET)])
def test_a_failure_is_postponed_while_retries_are_left(
    server: ScriptedServer, transport: Transport, answer: Answer
) -> None:
    server.script("/a", answer)
    patience = Patience(retries=2, max_wait=0)
    waits = []
    for _unused in range(2):
        with pytest.raises(Postponed) as postponed:
            transport.send("GET", f"{server.url}/a", patience)
        waits.append(postponed.value.seconds)
        assert postponed.value.error.reason.state == "unreachable"
    with pytest.raises(TenantError):
        transport.send("GET", f"{server.url}/a", patience)
    assert 0.5 <= waits[0] <= 1 <= waits[1] <= 2


def test_a_success_renews_the_retries(server: ScriptedServer, transport: Transport) -> None:
    server.script("/a", Answer(status=500), Answer(), Answer(status=500), Answer(status=500))
    patience = Patience(retries=1, max_wait=0)
    for expected in (Postponed, None, Postponed, TenantError):
        if expected:
            with pytest.raises(expected):
                transport.send("GET", f"{server.url}/a", patience)
        else:
            assert transport.send("GET", f"{server.url}/a", patience).status == 200


@pytest.mark.parametrize(
    ("answer", "least"),
    [
        (Answer("Too Many Requests", status=429, headers={"Retry-After": "30"}), 30),
        (Answer(QUOTA, status=429), 60),
        (Answer("Too Many Requests", status=429), 1),
    ],
    ids=["header", "quota in the body", "untold"],
)
def test_a_throttled_call_is_postponed_as_long_as_it_is_asked_to(
    server: ScriptedServer, transport: Transport, answer: Answer, least: float
) -> None:
    server.script("/a", answer)
    with pytest.raises(Postponed) as postponed:
        transport.send("GET", f"{server.url}/a", Patience(retries=0, max_wait=120))
    assert least <= postponed.value.seconds <= least + 1
    assert postponed.value.error.reason.state == "throttled"


def test_a_wait_longer_than_max_wait_ends_as_throttled(server: ScriptedServer, transport: Transport) -> None:
    server.script("/a", Answer(QUOTA, status=429))
    with pytest.raises(TenantError) as failed:
        transport.send("GET", f"{server.url}/a", Patience(retries=9, max_wait=59))
    reason = failed.value.reason
    assert (reason.state, reason.code) == ("throttled", "429")
    assert reason.meaning == f"{server.host} throttles this tenant (minute quota of 45 calls) and asks to wait 60 s"
    assert "max_wait" in reason.remedy


def test_a_throttled_call_that_names_no_quota_is_told_without_one(server: ScriptedServer, transport: Transport) -> None:
    server.script("/a", Answer("Too Many Requests", status=429, headers={"Retry-After": "30"}))
    meaning = failure_of(transport, f"{server.url}/a").reason.meaning
    assert meaning == f"{server.host} throttles this tenant and asks to wait 30 s"
