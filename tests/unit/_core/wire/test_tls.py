# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
import requests
from support.scripted_server import ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.wire import tls


def fingerprints(context: ssl.SSLContext) -> list[bytes]:
    return context.get_ca_certs(binary_form=True)


def ca_of(path: str) -> list[bytes]:
    return fingerprints(ssl.create_default_context(cafile=path))


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_without_ca_path_the_environment_names_the_bundle(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, server.ca_path)
    assert fingerprints(tls.trusted(None).context) == ca_of(server.ca_path)


def test_ca_path_wins_over_the_environment(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    assert fingerprints(tls.trusted(server.ca_path).context) == ca_of(server.ca_path)


@pytest.mark.parametrize("empty", ["", None])
def test_without_any_the_bundle_of_requests_is_trusted(empty: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    assert fingerprints(tls.trusted(empty).context) == ca_of(requests.utils.DEFAULT_CA_BUNDLE_PATH)


@pytest.mark.parametrize("option", ["ca_path", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "it does not exist"), ("no certificate", "it holds no readable CA certificate")],
)
def test_an_unusable_bundle_is_refused_by_the_name_it_was_given_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, content: str | None, why: str
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content:
        bundle.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with pytest.raises(OptionError) as refused:
        tls.trusted(str(bundle) if option == "ca_path" else None)
    assert str(refused.value) == f"{option} {bundle} cannot be used: {why}: give a CA bundle in PEM form"


PEM = "-----BEGIN {0}-----\nAAAA\n-----END {0}-----\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"\n \n", "it is empty"),
        (b"\x30\x82\x03\x01\x02", "it is in DER form: convert it with openssl x509 -inform der"),
        (PEM.format("EC PRIVATE KEY").encode(), "it holds a private key and no certificate"),
        (PEM.format("CERTIFICATE").encode(), "it holds no readable CA certificate, because one in it is damaged"),
        (
            PEM.format("CERTIFICATE").encode("utf-16"),
            "it holds no readable CA certificate: give a CA bundle in PEM form",
        ),
    ],
    ids=["empty", "blank", "DER", "key", "damaged", "UTF-16"],
)
def test_what_is_wrong_with_a_bundle_is_said(tmp_path: Path, content: bytes, why: str) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(content)
    with pytest.raises(OptionError) as refused:
        tls.trusted(str(bundle))
    assert str(refused.value).startswith(f"ca_path {bundle} cannot be used: {why}")


def test_a_folder_without_hashes_could_never_verify_anything(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(Path(server.ca_path).read_text())
    with pytest.raises(OptionError, match="run openssl rehash"):
        tls.trusted(str(tmp_path))


def test_a_bundle_that_this_machine_cannot_open_now_is_not_called_empty(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_unused: Any) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", fail)
    with pytest.raises(OptionError, match="it cannot be read"):
        tls.trusted(server.ca_path)


def test_a_folder_of_certificates_will_do(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "0123abcd.0").write_text(Path(server.ca_path).read_text())
    context = tls.trusted(str(tmp_path)).context
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert fingerprints(context) == []
