# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incremental reading: each incident once in each of its versions, and none lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulator import EmulatorProcess
from support.operations import Tasks


@pytest.fixture
def contoso(emulator: EmulatorProcess, consent: Callable[..., None]) -> str:
    """A tenant with three pages of incidents, which we may change."""
    consent("contoso", roles=["Incident.ReadWrite.All"])
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"incident_count": 250})
    emulator.control("PATCH", "application", {"quota_per_minute": None})
    return emulator.tenant_id("contoso")


@pytest.fixture
def change(emulator: EmulatorProcess, contoso: str) -> Callable[[int], None]:
    """Changes an incident, as an analyst in the portal does."""
    return lambda incident_id: emulator.control(
        "PATCH", f"tenants/{contoso}/incidents/{incident_id}", {"assignedTo": "analyst@contoso.example"}
    )


def _ids(result: dict[str, Any]) -> list[int]:
    return [incident["incidentId"] for incident in result["incidents"]]


def test_only_news_are_handed_out(tasks: Tasks, contoso: str, change: Callable[[int], None], tmp_path: Path) -> None:
    checkpoint = tmp_path / "contoso.checkpoint"
    first = tasks.incidents(tenant_id=contoso, checkpoint=checkpoint, backfill="")
    assert first["count"] == 250
    assert checkpoint.stat().st_mode & 0o777 == 0o600
    assert tasks.incidents(tenant_id=contoso, checkpoint=checkpoint)["incidents"] == []
    changed = next(one["incidentId"] for one in first["incidents"] if one["redirectIncidentId"] is None)
    change(changed)
    again = tasks.incidents(tenant_id=contoso, checkpoint=checkpoint)
    assert (_ids(again), again["count"]) == ([changed], 1)
    assert tasks.incidents(tenant_id=contoso, checkpoint=checkpoint)["incidents"] == []


def test_first_read_may_begin_late(tasks: Tasks, contoso: str, change: Callable[[int], None], tmp_path: Path) -> None:
    """What it left out comes when it changes."""
    checkpoint = tmp_path / "contoso.checkpoint"
    everything = _ids(tasks.incidents(tenant_id=contoso))
    first = _ids(tasks.incidents(tenant_id=contoso, checkpoint=checkpoint, backfill="5d"))
    assert 0 < len(first) < len(everything)
    old = next(identity for identity in everything if identity not in first)
    change(old)
    assert _ids(tasks.incidents(tenant_id=contoso, checkpoint=checkpoint, backfill="5d")) == [old]


def test_news_are_added_to_the_file(tasks: Tasks, contoso: str, change: Callable[[int], None], tmp_path: Path) -> None:
    options = {"tenant_id": contoso, "checkpoint": tmp_path / "kept.checkpoint", "dest": tmp_path / "kept.jsonl"}
    assert tasks.incidents(**options)["changed"] is True
    before = options["dest"].read_text()
    assert tasks.incidents(**options)["changed"] is False
    assert options["dest"].read_text() == before
    change(_ids(tasks.incidents(tenant_id=contoso))[0])
    assert tasks.incidents(**options)["changed"] is True
    after = options["dest"].read_text()
    assert after.startswith(before)
    assert after.removeprefix(before).count("\n") == 1
    assert options["dest"].stat().st_mode & 0o777 == 0o600


def test_a_read_that_ends_early_says_how_far_it_came_and_goes_on_there(
    tasks: Tasks, emulator: EmulatorProcess, contoso: str, tmp_path: Path
) -> None:
    options = {"tenant_id": contoso, "checkpoint": tmp_path / "kept.checkpoint", "dest": tmp_path / "kept.jsonl"}
    emulator.control("PATCH", "application", {"quota_per_minute": 2})
    first = tasks.incidents(**options, backfill="", max_wait=1)
    assert first["state"] == "throttled"
    early = [json.loads(line) for line in options["dest"].read_text().splitlines()]
    assert 0 < first["count"] == len(early) < 250

    emulator.control("PATCH", "application", {"quota_per_minute": None})
    second = tasks.incidents(**options, backfill="")
    assert second["state"] == "granted"
    incidents = [json.loads(line) for line in options["dest"].read_text().splitlines()]
    assert len(incidents) == first["count"] + second["count"]
    assert len({incident["incidentId"] for incident in incidents}) == 250
    behind = {incident["incidentId"] for incident in incidents if incident["lastUpdateTime"] < first["complete_until"]}
    assert behind <= {incident["incidentId"] for incident in early}, "what lies before is complete"


def test_other_filters_need_another_checkpoint(tasks: Tasks, contoso: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    tasks.incidents(tenant_id=contoso, checkpoint=mark, severity=["High"])
    refused = tasks.incidents(tenant_id=contoso, checkpoint=mark, severity=["Low"])
    assert refused["failed"]
    assert "belongs to" in refused["msg"]
    assert "name another file" in refused["remedy"]


def test_check_mode_does_not_move_it(tasks: Tasks, contoso: str, change: Callable[[int], None], tmp_path: Path) -> None:
    options = {"tenant_id": contoso, "checkpoint": tmp_path / "kept.checkpoint", "dest": tmp_path / "kept.jsonl"}
    assert tasks.incidents(**options, check_mode=True)["changed"] is True
    assert list(tmp_path.iterdir()) == []
    tasks.incidents(**options)
    kept = {path: path.read_text() for path in tmp_path.iterdir()}
    change(_ids(tasks.incidents(tenant_id=contoso))[0])
    assert tasks.incidents(**options, check_mode=True)["changed"] is True
    assert {path: path.read_text() for path in tmp_path.iterdir()} == kept


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"scope": 1}', "\x00"])
def test_a_damaged_checkpoint_is_told_and_kept(tasks: Tasks, contoso: str, tmp_path: Path, content: str) -> None:
    """Starting over in silence would hand everything out twice."""
    checkpoint = tmp_path / "contoso.checkpoint"
    checkpoint.write_text(content)
    result = tasks.incidents(tenant_id=contoso, checkpoint=checkpoint)
    assert result["state"] == "error"
    assert str(checkpoint) in result["msg"]
    assert checkpoint.read_text() == content


def test_a_checkpoint_belongs_to_one_tenant_of_both_apis(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], tmp_path: Path
) -> None:
    consent("contoso", "fabrikam", roles=["Incident.Read.All", "SecurityIncident.Read.All"])
    checkpoint = tmp_path / "contoso.checkpoint"
    contoso, fabrikam = (emulator.tenant_id(name) for name in ("contoso", "fabrikam"))
    assert tasks.incidents(tenant_id=contoso, checkpoint=checkpoint)["state"] == "granted"
    for api in ("xdr", "graph"):
        result = tasks.incidents(tenant_id=fabrikam, checkpoint=checkpoint, api=api)
        assert result["state"] == "error"
        assert "belongs to" in result["msg"]
    switched = tasks.incidents(tenant_id=contoso, checkpoint=checkpoint, api="graph")
    assert (switched["state"], switched["switched_from"]) == ("granted", "xdr")


def test_fleet_keeps_one_for_each_tenant_that_granted(
    tasks: Tasks, emulator: EmulatorProcess, contoso: str, consent: Callable[..., None], tmp_path: Path
) -> None:
    consent("fabrikam")
    tenants = [
        {"name": "contoso", "tenant_id": contoso},
        *({"name": name, "tenant_id": emulator.tenant_id(name)} for name in ("fabrikam", "wingtip")),
    ]
    tasks.incidents(tenants=tenants, checkpoint=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contoso.checkpoint", "fabrikam.checkpoint"]
    again = tasks.incidents(tenants=tenants, checkpoint=tmp_path)
    assert [outcome.get("count") for outcome in again["tenants"]] == [0, 0, None]
