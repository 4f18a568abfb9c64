# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results as tables for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from bars import Bar
from forms import FORMS
from series import Series

_HEAD = ("form", "tenants", "ms", "cache", "runs", "seconds", "cpu s", "peak MB", "calls", "token", "emulator")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    packages = ("ansible-core", "msal", "requests", "httpx", "uvicorn")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }


def forms_table(series: Series) -> str:
    """A line for each case: medians, and the emulator's share of one core."""
    rows = [_HEAD]
    for case, runs in series.measured.items():
        quantities = [series.median(case, name) or 0 for name in ("seconds", "cpu_seconds", "peak_mb")]
        calls, token_calls = (series.median(case, name) or 0 for name in ("calls", "token_calls"))
        rows.append(
            (
                f"{case.form:3}{FORMS[case.form].title}",
                f"{case.size:,}",
                str(case.latency),
                case.cache if FORMS[case.form].has_cache else "none",
                str(len(runs)),
                f"{quantities[0]:.2f}",
                f"{quantities[1]:.2f}",
                f"{quantities[2]:.0f}",
                f"{calls:.0f}",
                f"{token_calls:.0f}",
                f"{(series.median(case, 'emulator_share') or 0):.0%}",
            )
        )
    left_out = [
        f"left out: {case.form} at {case.size:,}, {case.latency} ms, {case.cache}: {why}"
        for case, why in series.left_out.items()
    ]
    return "\n".join([*_aligned(rows), *left_out])


def bars_table(bars: list[Bar]) -> str:
    """A line for each bar."""
    return "\n".join(f"{'met   ' if each.is_met else 'MISSED'}  {each.name}\n        {each.figure}" for each in bars)


def write_json(path: Path, ceilings: dict[str, float], series: Series, trials: dict[str, Any], bars: list[Bar]) -> None:
    """Every single run, beside what the tables show."""
    document = {
        "machine": machine(),
        "emulator_ceiling_per_second": ceilings,
        "measured": [
            {**dataclasses.asdict(case), "runs": [dataclasses.asdict(run) for run in runs]}
            for case, runs in series.measured.items()
        ],
        "left_out": [{**dataclasses.asdict(case), "why": why} for case, why in series.left_out.items()],
        "trials": trials,
        "bars": [dataclasses.asdict(each) for each in bars],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
