# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incidents in a file of JSON Lines: whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulator import EmulatorProcess
from support.operations import Tasks
from support.scripted_server import Answer, ScriptedServer

API = "/api/incidents"


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _identity(incident: dict[str, Any]) -> int:
    return int(incident["incidentId"])


@pytest.fixture
def contoso(emulator: EmulatorProcess, consent: Callable[..., None]) -> str:
    """A tenant with three pages of incidents."""
    consent("contoso")
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"incident_count": 250})
    emulator.control("PATCH", "application", {"quota_per_minute": None})
    return emulator.tenant_id("contoso")


def test_file_holds_what_would_have_been_returned(tasks: Tasks, contoso: str, tmp_path: Path) -> None:
    dest = tmp_path / "contoso.jsonl"
    result = tasks.incidents(tenant_id=contoso, dest=dest)
    assert (result["changed"], result["count"], result["dest"]) == (True, 250, str(dest))
    assert "incidents" not in result
    assert sorted(_lines(dest), key=_identity) == sorted(tasks.incidents(tenant_id=contoso)["incidents"], key=_identity)
    assert dest.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [dest]


def test_second_run_changes_nothing(tasks: Tasks, emulator: EmulatorProcess, contoso: str, tmp_path: Path) -> None:
    dest = tmp_path / "contoso.jsonl"
    tasks.incidents(tenant_id=contoso, dest=dest)
    first = dest.stat()
    assert tasks.incidents(tenant_id=contoso, dest=dest)["changed"] is False
    assert dest.stat().st_mtime_ns == first.st_mtime_ns
    emulator.control("PATCH", f"tenants/{contoso}", {"incident_count": 251})
    assert tasks.incidents(tenant_id=contoso, dest=dest)["changed"] is True
    assert len(_lines(dest)) == 251


def test_check_mode_tells_and_writes_nothing(tasks: Tasks, contoso: str, tmp_path: Path) -> None:
    dest = tmp_path / "contoso.jsonl"
    assert tasks.incidents(tenant_id=contoso, dest=dest, check_mode=True)["changed"] is True
    assert list(tmp_path.iterdir()) == []
    tasks.incidents(tenant_id=contoso, dest=dest)
    assert tasks.incidents(tenant_id=contoso, dest=dest, check_mode=True)["changed"] is False


def test_a_file_others_could_read_is_made_private(tasks: Tasks, contoso: str, tmp_path: Path) -> None:
    dest = tmp_path / "contoso.jsonl"
    dest.write_text("public\n")
    dest.chmod(0o644)
    assert tasks.incidents(tenant_id=contoso, dest=dest)["changed"] is True
    assert dest.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("before", [None, "the file of yesterday\n"])
def test_nothing_is_half_written(
    tasks: Tasks, emulator: EmulatorProcess, contoso: str, tmp_path: Path, before: str | None
) -> None:
    """The quota lets two pages through."""
    dest = tmp_path / "contoso.jsonl"
    if before:
        dest.write_text(before)
    emulator.control("PATCH", "application", {"quota_per_minute": 2})
    result = tasks.incidents(tenant_id=contoso, dest=dest, max_wait=1)
    assert result["state"] == "throttled"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == ({dest.name: before} if before else {})


def test_reading_goes_on_after_a_wait_where_it_stopped(
    tasks: Tasks,
    contoso: str,
    fault: Callable[..., None],
    count_requests: Callable[[str], int],
    tmp_path: Path,
) -> None:
    dest = tmp_path / "contoso.jsonl"
    tasks.incidents(tenant_id=contoso)
    undisturbed = count_requests(API)
    fault("throttle", path=API, times=1, retry_after=1)
    fault("server_error", path=API, times=1)
    assert tasks.incidents(tenant_id=contoso, dest=dest)["state"] == "granted"
    assert len({incident["incidentId"] for incident in _lines(dest)}) == len(_lines(dest)) == 250
    assert count_requests(API) == 2 * undisturbed + 2


def test_fleet_writes_a_file_for_each_tenant_that_granted(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], tmp_path: Path
) -> None:
    consent("contoso", "fabrikam")
    tenants = [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in ("contoso", "fabrikam", "wingtip")]
    result = tasks.incidents(tenants=tenants, dest=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contoso.jsonl", "fabrikam.jsonl"]
    assert {outcome["name"]: outcome.get("count") for outcome in result["tenants"]} == {
        "contoso": len(_lines(tmp_path / "contoso.jsonl")),
        "fabrikam": len(_lines(tmp_path / "fabrikam.jsonl")),
        "wingtip": None,
    }
    assert tasks.incidents(tenants=tenants, dest=tmp_path)["changed"] is False


def test_letters_of_every_script_survive(tasks: Tasks, contoso: str, scripted: ScriptedServer, tmp_path: Path) -> None:
    """Line separators, emojis, and half a surrogate pair, which a name cut to a length can end in."""
    incident = {"incidentId": 1, "incidentName": "Löschung 攻撃 \u2028 \U0001f512 \n {{ no template }} \ud83d"}
    scripted.respond = lambda _request: Answer({"value": [incident]})
    dest = tmp_path / "contoso.jsonl"
    tasks.incidents(tenant_id=contoso, dest=dest, xdr_url=scripted.url)
    assert _lines(dest) == [incident]
