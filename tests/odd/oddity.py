# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One odd tenant: how Microsoft, or something on the way, answers for it, and the only outcome that is right."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from odd.stage import HONEST, Oddly, Stage

HONEST_NAMES = ("honest-first", "honest-middle", "honest-last")


@dataclass(frozen=True)
class Oddity:
    """`state` is what the tenant ends in, `says` what its sentence must hold, `who` whom it must name.

    `count` is how many incidents are handed over where that is the question. `api` names the one API it is about, None
    for both. `in_files` is the state where records go to files, and need not fit into a result.
    """

    name: str
    state: str
    says: str = ""
    who: str | None = None
    count: int | None = None
    token: Oddly | None = None
    call: Oddly | None = None
    metadata: Oddly | None = None
    api: str | None = None
    in_files: str | None = None

    def expected(self, in_files: bool) -> str:
        """Return the state that is right where records go to files, or into the result."""
        return (self.in_files if in_files else None) or self.state


def harmless(name: str, api: str | None = None, count: int = HONEST, **answers: Oddly) -> Oddity:
    """Return an oddity that must make no difference: everything is read."""
    return Oddity(name, "granted", count=count, api=api, **answers)


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
