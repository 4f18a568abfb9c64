# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What unit tests share: a clean environment, a scripted HTTPS server, and an Entra ID played by it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis.database import InMemoryExampleDatabase
from support.certificates import make_certificates
from support.machine import Clock
from support.scripted_entra import ScriptedEntra, ScriptedTenant
from support.scripted_server import ScriptedServer
from unit.moving.scene import Scene
from unit.moving.service import MovingService

from ansible_collections.mssp.defender.plugins.module_utils._core import waiting
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

# A deadline would measure how busy the machine is.
hypothesis.settings.register_profile("house", deadline=None, max_examples=60, database=InMemoryExampleDatabase())
hypothesis.settings.load_profile("house")

_FOREIGN_SETTINGS = ("AZURE_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_", "NETRC")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(_FOREIGN_SETTINGS) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Takes the waiting out of whatever waits where it stands."""
    clock = Clock()
    for name in ("time", "monotonic", "sleep"):
        monkeypatch.setattr(waiting.clock, name, getattr(clock, name))
    return clock


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Paths of a CA certificate and of the server's certificate with its key."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def server(certificates: tuple[str, str]) -> Iterator[ScriptedServer]:
    with ScriptedServer(*certificates).running() as running:
        yield running


@pytest.fixture(scope="session")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def entra(server: ScriptedServer, private_key: rsa.RSAPrivateKey) -> ScriptedEntra:
    return ScriptedEntra(server, private_key)


@pytest.fixture
def transport(server: ScriptedServer) -> Transport:
    return Transport(server.ca_path, timeout=5)


@pytest.fixture
def no_patience() -> Patience:
    """Repeats nothing and waits for nothing."""
    return Patience(retries=0, max_wait=0)


@pytest.fixture
def tenant(entra: ScriptedEntra, transport: Transport, tmp_path: Path) -> ScriptedTenant:
    """A customer whose APIs the test scripts."""
    return ScriptedTenant(entra, transport, tmp_path)


@pytest.fixture
def scene(certificates: tuple[str, str], private_key: rsa.RSAPrivateKey, tmp_path: Path) -> Iterator[Scene]:
    service = MovingService(*certificates)
    with service.running():
        entra = ScriptedEntra(service, private_key)
        yield Scene(service, ScriptedTenant(entra, Transport(service.ca_path, timeout=5), tmp_path))
