# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file never holds records of two shapes: before the API changes, what is there is set aside."""

from __future__ import annotations

import itertools
from pathlib import Path

from .dialects import Dialect, api_of
from .handed_over import records_in


def set_aside(path: Path, dialect: Dialect, dry_run: bool = False) -> Path | None:
    """Rename a file that holds records of the other API, and return its new name; None where there is none.

    `contoso.jsonl` with records of the XDR API becomes `contoso.jsonl.xdr`, or `contoso.jsonl.xdr-2` where that is
    taken: nothing that waits for files of records takes it for a new one. Raises OSError.
    """
    held = _api_in(path)
    if held in (None, dialect.api):
        return None
    names = itertools.chain([held], (f"{held}-{number}" for number in itertools.count(2)))
    aside = next(free for name in names if not (free := path.with_name(f"{path.name}.{name}")).exists())
    if not dry_run:
        path.rename(aside)
    return aside


def _api_in(path: Path) -> str | None:
    """Return which API sent the first record in a file of ours."""
    return next((api for record in records_in(path) if (api := api_of(record))), None)
