# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slices that run at the same moment and share what outlives a job: folders, checkpoints, tokens, a hunt's file."""

from __future__ import annotations

import csv
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ansible_runs import Ansible

pytestmark = pytest.mark.slow

HUNTING = ["ThreatHunting.Read.All"]


@pytest.fixture
def estate(ansible: Ansible) -> Ansible:
    tenants = ansible.emulator.connection["tenants"][:6]
    ansible.customers = {tenant["name"]: {"partner_access_tenant_id": tenant["tenant_id"]} for tenant in tenants}
    return ansible


def _start(estate: Ansible, playbook: str, number: int, count: int) -> subprocess.Popen[str]:
    names = sorted(estate.customers)[number - 1 :: count]
    command = ["ansible-playbook", "-i", str(estate.inventory()), f"mssp.defender.{playbook}"]
    return estate.start([*command, "--limit", ",".join(names)], RECORDER_FILE=str(estate.place / f"{number}.jsonl"))


def _ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _unused = process.communicate(timeout=120)
    return process.returncode, output


def _lines(folder: Path) -> dict[str, list[str]]:
    return {path.stem: path.read_text().splitlines() for path in folder.glob("*.jsonl")}


def test_three_readers_make_the_folders_and_share_them(estate: Ansible, consent: Callable[..., None]) -> None:
    consent(*estate.customers)
    folder = estate.place / "shared" / "incidents"
    estate.variables |= {
        "partner_access_incidents_dest": str(folder),
        "partner_access_cache": str(estate.place / "cache"),
    }
    (estate.place / "cache").mkdir(mode=0o700)
    for first in (True, False):
        ended = [_ended(process) for process in [_start(estate, "incidents", number, 3) for number in (1, 2, 3)]]
        assert [code for code, _output in ended] == [0, 0, 0], "\n".join(output for _code, output in ended)
        read = _lines(folder)
        if first:
            before = read
        assert set(read) == set(estate.customers)
    assert read == before, "checkpoints were kept"
    for name, lines in read.items():
        identities = Counter(json.loads(line)["id"] for line in lines)
        assert identities, name
        assert set(identities.values()) == {1}, name


def test_a_hunt_that_is_sliced_ends_in_a_sentence_and_loses_nothing(
    estate: Ansible, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    """All rows go into one file, which one run writes at a time."""
    names = sorted(estate.customers)[:3]
    estate.customers = {name: estate.customers[name] for name in names}
    consent(*names, roles=HUNTING)
    estate.variables |= {
        "partner_access_hunt_query": "DeviceInfo",
        "partner_access_hunt_dest": str(estate.place / "devices.csv"),
    }
    # the first waits, however long the others take, until it is told no more to
    fault("throttle", names[0], path="runHuntingQuery", retry_after=1)
    first = _start(estate, "hunt", 1, 3)
    try:
        deadline = time.monotonic() + 60
        while not estate.emulator.control("GET", "faults")[0]["struck"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        refused = [_ended(process) for process in [_start(estate, "hunt", number, 3) for number in (2, 3)]]
    finally:
        estate.emulator.control("DELETE", "faults")
        code, output = _ended(first)
    assert code == 0, output
    for code, output in refused:
        assert code == 2, output
        assert f"another task or run is writing {estate.place / 'devices.csv'}: let it end, name another file" in output

    assert estate.playbook("mssp.defender.hunt").code == 0
    with (estate.place / "devices.csv").open(newline="") as table:
        rows = Counter(tuple(row.items()) for row in csv.DictReader(table))
    assert {dict(row)["tenant"] for row in rows} == set(names)
    assert set(rows.values()) == {1}
