# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand tenants on one core."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.emulator import EmulatorProcess

from .conftest import Caller

pytestmark = pytest.mark.slow


def test_a_thousand_tenants(tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path, "--tenants", "1000", "--state", str(tmp_path / "state.sqlite")) as emulator:
        tenants = emulator.connection["tenants"]
        assert len({tenant["tenant_id"] for tenant in tenants}) == 1000
        assert tenants[5]["name"] == "customer-0006"
        assert tenants[-1]["domain"] == "customer-1000.example"
        assert emulator.control("POST", "consent-all") == {"consented": 1000}
        caller = Caller(emulator)
        counted = 0
        for tenant in tenants:
            token = caller.token(tenant["tenant_id"])
            counted += caller.get("/api/incidents", token).text.count('"redirectIncidentId"')
        assert 25_000 <= counted <= 60_000
