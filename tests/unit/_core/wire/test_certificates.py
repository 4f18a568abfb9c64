# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate that is refused, explained by what stands in it and by this machine's clock."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

import pytest
import urllib3
from support.certificates import DAY, NOW, Forge
from support.raw_servers import running_proxy, sending

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Reason, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HOST = "127.0.0.1"


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path)


def refusal(certificate: str, ca_path: str | None, strict: bool = False) -> tuple[str, str]:
    """Return meaning and remedy for a server with that certificate."""
    transport = Transport(ca_path, timeout=60)
    context = transport._trusted.context
    # whatever Python the test runs under
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if strict:
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    with sending(ANSWER, over=certificate) as host, pytest.raises(TenantError) as failed:
        transport.send("GET", f"https://{host}/", Patience(retries=3, max_wait=0))
    reason: Reason = failed.value.reason
    assert (reason.state, reason.to_result()["who"]) == ("unreachable", "provider")
    begin = f"TLS with {host} failed: "
    assert reason.meaning.startswith(begin)
    return reason.meaning.removeprefix(begin), reason.remedy


def day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def test_an_expired_certificate_is_told_with_its_date_and_the_clock(forge: Forge) -> None:
    ended = NOW - 3 * DAY
    meaning, remedy = refusal(forge.server(HOST, ends=ended), forge.ca_path)
    assert meaning.startswith(f"its certificate expired on {day(ended)}, and this machine's clock says {NOW:%Y-%m-%d}")
    assert meaning.endswith("(OpenSSL 10: certificate has expired)")
    assert "ca_path" not in remedy
    assert "renew" in remedy


def test_a_certificate_of_the_future_points_to_the_clock(forge: Forge) -> None:
    begins = NOW + DAY
    meaning, remedy = refusal(forge.server(HOST, begins=begins, ends=begins + DAY), forge.ca_path)
    assert meaning.startswith(f"a certificate is not valid before {day(begins)}, and this machine's clock says ")
    assert remedy == "correct this machine's clock, if it is wrong"


def test_an_expired_ca_is_told_from_an_expired_server(tmp_path: Path) -> None:
    ended = NOW - DAY
    forge = Forge(tmp_path, ends=ended)
    meaning, remedy = refusal(forge.server(HOST), forge.ca_path)
    told = f"the CA certificate 'Corp Inspection CA' in ca_path ({forge.ca_path}) expired on {day(ended)}, and "
    assert meaning.startswith(told)
    assert remedy == "put its successor in its place"


def test_another_hosts_certificate_is_told_with_its_names(forge: Forge) -> None:
    hosts = [f"h{number}.example" for number in range(7)]
    meaning, remedy = refusal(forge.server(*hosts), forge.ca_path)
    named = ", ".join(hosts[:5])
    assert meaning.startswith(f"its certificate is for {named} and 2 more, and not for {HOST} (OpenSSL 6")
    assert "ca_path" not in remedy


def test_a_self_signed_certificate_is_called_so(forge: Forge) -> None:
    meaning, remedy = refusal(forge.server(HOST, is_own=True), forge.ca_path)
    assert meaning.startswith(f"its certificate is self-signed, and not among ca_path ({forge.ca_path}) (OpenSSL 18: ")
    assert "add it to ca_path" in remedy


def test_an_unknown_issuer_is_named_and_ca_path_is_the_place_for_it(forge: Forge, tmp_path: Path) -> None:
    other = Forge(tmp_path, "Other CA")
    meaning, remedy = refusal(forge.server(HOST), other.ca_path)
    missing = f"does not verify against ca_path ({other.ca_path}), where its issuer 'Corp Inspection CA' is missing"
    assert meaning.startswith(f"its certificate {missing} (OpenSSL 20: ")
    assert "add it to ca_path" in remedy
    assert "intermediate" in remedy


def test_without_ca_path_it_is_named_as_the_option_that_helps(forge: Forge) -> None:
    meaning, remedy = refusal(forge.server(HOST), None)
    assert "does not verify against this machine's CA certificates" in meaning
    assert "set ca_path to a bundle that has it" in remedy


def test_a_bundle_of_the_environment_is_called_by_its_variable(
    forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Forge(tmp_path, "Other CA").ca_path
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    meaning, remedy = refusal(forge.server(HOST), None)
    assert f"against REQUESTS_CA_BUNDLE ({bundle})" in meaning
    assert "add it to REQUESTS_CA_BUNDLE" in remedy


def test_a_ca_that_python_3_13_refuses_is_explained_with_what_to_do(tmp_path: Path) -> None:
    forge = Forge(tmp_path, is_critical=False)
    meaning, remedy = refusal(forge.server(HOST), forge.ca_path, strict=True)
    assert "breaks a rule of RFC 5280, on which Python 3.13 and later insist (OpenSSL " in meaning
    for way in ("basicConstraints", "exempt 127.0.0.1 from the inspection", "Python 3.12"):
        assert way in remedy
    assert "set ca_path" not in remedy


def test_the_details_are_there_behind_a_proxy_too(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_proxy() as (address, asked_for):
        monkeypatch.setenv("HTTPS_PROXY", address.replace("//", "//user:canary@"))
        meaning, _remedy = refusal(forge.server("other.example"), forge.ca_path)
    assert meaning.startswith("its certificate is for other.example, and not for 127.0.0.1")
    assert len(asked_for) == 2


def test_a_proxy_whose_own_certificate_is_refused_is_named(
    forge: Forge, certificates: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_proxy(certificates[1]) as (address, _asked_for):
        monkeypatch.setenv("HTTPS_PROXY", address)
        with pytest.raises(TenantError) as failed:
            Transport(forge.ca_path, timeout=60).send("GET", "https://defender.invalid/", Patience(0, 0))
    meaning = failed.value.reason.meaning
    if urllib3.__version__ < "2":
        # which of the two it was, that version does not tell
        assert "failed: its certificate does not verify" in meaning
        return
    assert meaning.startswith(f"TLS with {address.removeprefix('https://')} failed: its certificate does not verify ")
    assert "'Test CA' is missing" in meaning


def test_the_certificate_is_looked_at_once_for_all_tenants(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = Transport(forge.ca_path, timeout=60)
    with running_proxy() as (address, asked_for), sending(ANSWER, over=forge.server("other.example")) as host:
        monkeypatch.setenv("HTTPS_PROXY", address)
        for _unused in range(3):
            with pytest.raises(TenantError):
                transport.send("GET", f"https://{host}/", Patience(0, 0))
    assert len(asked_for) == 3 + 1
