# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results as tables for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import textwrap
from importlib import metadata
from pathlib import Path
from typing import Any

from bars import Bar
from forms import FORMS
from plan import Case
from series import Series

_HEAD = ("form", "cache", "runs", "seconds", "cpu s", "peak MB", "calls", "token calls", "emulator")
_COLUMNS = 120
_INDENT = 8 * " "


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
    """A block for each latency and size, with a line for each case: medians, and the emulator's share of one core."""
    blocks: dict[tuple[int, int], list[Case]] = {}
    for case in sorted(series.measured, key=_place):
        blocks.setdefault((case.latency, case.size), []).append(case)
    rows = _aligned([_HEAD, *(_row(series, case) for block in blocks.values() for case in block)])
    lines = [rows.pop(0)]
    for (latency, size), block in blocks.items():
        lines += ["", f"{size:,} tenants, {latency} ms", *rows[: len(block)]]
        del rows[: len(block)]
    return "\n".join([*lines, "", *_left_out(series)])


def _place(case: Case) -> tuple[int, int, int, str]:
    return case.latency, case.size, list(FORMS).index(case.form), case.cache


def _row(series: Series, case: Case) -> tuple[str, ...]:
    def found(quantity: str) -> float:
        return series.median(case, quantity) or 0

    return (
        f"  {case.form:3}{FORMS[case.form].title}",
        case.cache if FORMS[case.form].has_cache else "none",
        str(len(series.measured[case])),
        f"{found('seconds'):.2f}",
        f"{found('cpu_seconds'):.2f}",
        f"{found('peak_mb'):.0f}",
        f"{found('calls'):,.0f}",
        f"{found('token_calls'):,.0f}",
        f"{found('emulator_share'):.0%}",
    )


def _left_out(series: Series) -> list[str]:
    """A line for each size and latency that a form was left out at."""
    caches: dict[tuple[int, int, str, str], list[str]] = {}
    for case in sorted(series.left_out, key=_place):
        what = (case.latency, case.size, case.form, series.left_out[case])
        caches.setdefault(what, []).append(case.cache)
    return [
        f"left out: {form:2} {size:5,} tenants, {latency:3} ms{_of_caches(form, found)}: {why}"
        for (latency, size, form, why), found in caches.items()
    ]


def _of_caches(form: str, caches: list[str]) -> str:
    return f", {' and '.join(caches)}" if FORMS[form].has_cache else ""


def bars_table(bars: list[Bar]) -> str:
    """Some lines for each bar."""
    return "\n".join(f"{'met   ' if each.is_met else 'MISSED'}  {each.name}\n{_filled(each.figure)}" for each in bars)


def _filled(text: str) -> str:
    return textwrap.fill(text, _COLUMNS, initial_indent=_INDENT, subsequent_indent=_INDENT)


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
