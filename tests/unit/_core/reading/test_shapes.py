# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.reading import shapes
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import (
    GRAPH_ALERTS,
    GRAPH_INCIDENTS,
    XDR_INCIDENTS,
    Dialect,
)

LINES = {"xdr": {"incidentId": 7}, "graph": {"id": "7"}, "alert": {"id": "da7_1", "incidentId": "7"}}


def file_with(folder: Path, *lines: str) -> Path:
    path = folder / "contoso.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("held", "dialect", "aside"),
    [
        ("xdr", GRAPH_INCIDENTS, "contoso.jsonl.xdr"),
        ("xdr", GRAPH_ALERTS, "contoso.jsonl.xdr"),
        ("graph", XDR_INCIDENTS, "contoso.jsonl.graph"),
        ("xdr", XDR_INCIDENTS, None),
        ("graph", GRAPH_INCIDENTS, None),
        ("alert", GRAPH_ALERTS, None),
    ],
)
def test_a_file_of_the_other_api_is_renamed(tmp_path: Path, held: str, dialect: Dialect, aside: str | None) -> None:
    path = file_with(tmp_path, json.dumps(LINES[held]))
    expected = tmp_path / aside if aside else None
    assert shapes.set_aside(path, dialect, dry_run=True) == expected
    assert path.exists()
    assert shapes.set_aside(path, dialect) == expected
    assert [each.name for each in tmp_path.iterdir()] == [aside or "contoso.jsonl"]


def test_no_other_file_is_replaced(tmp_path: Path) -> None:
    for name in ("contoso.jsonl.xdr", "contoso.jsonl.xdr-2"):
        (tmp_path / name).write_text("somebody else's")
    path = file_with(tmp_path, json.dumps(LINES["xdr"]))
    assert shapes.set_aside(path, GRAPH_INCIDENTS) == tmp_path / "contoso.jsonl.xdr-3"
    assert (tmp_path / "contoso.jsonl.xdr").read_text() == "somebody else's"


@pytest.mark.parametrize("line", ["", "no JSON", "[1]", '{"other": 1}', "[" * 100_000])
def test_a_line_that_tells_nothing_is_passed_over(tmp_path: Path, line: str) -> None:
    assert shapes.set_aside(file_with(tmp_path, line), GRAPH_INCIDENTS) is None
    path = file_with(tmp_path, line, json.dumps(LINES["xdr"]))
    assert shapes.set_aside(path, GRAPH_INCIDENTS) == tmp_path / "contoso.jsonl.xdr"


def test_where_there_is_no_file_nothing_is_renamed(tmp_path: Path) -> None:
    assert shapes.set_aside(tmp_path / "contoso.jsonl", GRAPH_INCIDENTS) is None
