# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet of a run: every odd tenant, and honest ones before, between and behind them."""

from __future__ import annotations

from collections.abc import Collection

from odd.oddity import Oddity
from odd.stage import Stage

HONEST_NAMES = ("honest-first", "honest-middle", "honest-last")


def fleet(stage: Stage, oddities: Collection[Oddity]) -> list[dict[str, str]]:
    """Teach the stage to be odd to a tenant for each oddity, and return the option `tenants`."""
    odd = []
    for number, oddity in enumerate(oddities, start=1):
        tenant = f"0dd00000-0000-4000-8000-{number:012}"
        if oddity.metadata:
            tenant = f"odd-{number}.example"
            stage.odd_metadata[tenant] = oddity.metadata
        if oddity.token:
            stage.odd_tokens[tenant] = oddity.token
        if oddity.call:
            stage.odd_calls[tenant] = oddity.call
        odd.append({"name": oddity.name, "tenant_id": tenant})
    honest = [
        {"name": name, "tenant_id": f"600d0000-0000-4000-8000-{number:012}"} for number, name in enumerate(HONEST_NAMES)
    ]
    half = len(odd) // 2
    return [honest[0], *odd[:half], honest[1], *odd[half:], honest[2]]
