# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service of moving tenants that these tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support.scripted_entra import ScriptedEntra
from unit.moving.service import MovingService


@pytest.fixture(scope="session")
def moving(certificates: tuple[str, str], private_key: rsa.RSAPrivateKey) -> Iterator[ScriptedEntra]:
    """Entra ID before a service without tenants."""
    service = MovingService(*certificates)
    with service.running():
        yield ScriptedEntra(service, private_key)
