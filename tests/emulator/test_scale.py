# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand tenants on one core."""

from __future__ import annotations

import time
from pathlib import Path

from emulator_process import EmulatorProcess

from .conftest import Caller


def test_a_thousand_tenants(tmp_path: Path) -> None:
    start = time.monotonic()
    with EmulatorProcess(tmp_path, "--tenants", "1000", "--state", str(tmp_path / "state.sqlite")) as emulator:
        assert time.monotonic() - start < 10
        tenants = emulator.connection["tenants"]
        assert len({tenant["tenant_id"] for tenant in tenants}) == 1000
        assert tenants[5]["name"] == "customer-0006"
        assert tenants[-1]["domain"] == "customer-1000.example"
        assert emulator.control("POST", "consent-all") == {"consented": 1000}
        caller = Caller(emulator)
        start, counted = time.monotonic(), 0
        for tenant in tenants:
            token = caller.token(tenant["tenant_id"])
            counted += caller.get("/api/incidents", token).text.count('"redirectIncidentId"')
        seconds = time.monotonic() - start
        assert 25_000 <= counted <= 60_000
        # Some 10 seconds alone on one core, all incidents made on the way; the limit allows for a busy machine.
        assert seconds < 90, f"{2000 / seconds:.0f} requests a second"
