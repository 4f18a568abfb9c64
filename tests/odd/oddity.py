# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One odd tenant: how Microsoft, or something on the way, answers for it, and the only outcome that is right."""

from __future__ import annotations

from dataclasses import dataclass

from odd.stage import HONEST, Oddly


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

    def expected(self, form: str) -> str:
        """Return the state that is right in a form of the task."""
        return (self.in_files if form.endswith("files") else None) or self.state


def harmless(name: str, api: str | None = None, count: int = HONEST, **answers: Oddly) -> Oddity:
    """Return an oddity that must make no difference: everything is read."""
    return Oddity(name, "granted", count=count, api=api, **answers)
