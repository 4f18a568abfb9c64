# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hunting in customers' tenants, by the module and by the playbook."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.operations import Tasks

CUSTOMERS = ("contoso", "fabrikam", "tailspin")
ROLES = ["ThreatHunting.Read.All", "AdvancedHunting.Read.All"]
DEVICES = "DeviceInfo | summarize count() by OSPlatform"
# what Jinja would change or refuse, in a query that says it again
TEMPLATES = "{{ x }} {% raw %} {# y #}"
QUERY_OF_TEMPLATES = f'range x from 1 to 1 step 1 | extend Said = "{TEMPLATES}"'


@pytest.fixture
def consented(consent: Callable[..., None]) -> None:
    consent(*CUSTOMERS, roles=ROLES)


@pytest.fixture
def hunter(ansible: Ansible, consent: Callable[..., None]) -> Ansible:
    """Three customers and a query in a file of the working directory."""
    consent(*CUSTOMERS, roles=ROLES)
    emulator = ansible.emulator
    ansible.customers = {name: {"partner_access_tenant_id": emulator.tenant_id(name)} for name in CUSTOMERS}
    (ansible.place / "devices.kql").write_text(f"// {TEMPLATES}\n{DEVICES}\n")
    ansible.variables["partner_access_hunt_query_file"] = "devices.kql"
    return ansible


def found(path: Path) -> Counter[str]:
    """How many rows of each customer a table holds."""
    with path.open(newline="") as table:
        return Counter(row["tenant"] for row in csv.DictReader(table, strict=True))


@pytest.mark.usefixtures("consented")
def test_both_apis_find_the_same(tasks: Tasks, emulator: Any) -> None:
    asked = {"tenant_id": emulator.tenant_id("contoso"), "query": DEVICES}
    graph, xdr = tasks.hunting(**asked), tasks.hunting(**asked, api="xdr")
    assert (graph["state"], xdr["state"]) == ("granted", "granted")
    assert graph["count"] == len(graph["rows"]) > 0
    assert graph["schema"] == [{"name": "OSPlatform", "type": "String"}, {"name": "count_", "type": "Int64"}]
    assert (xdr["rows"], xdr["schema"]) == (graph["rows"], graph["schema"])
    assert xdr["stats"]["dataset_statistics"][0]["table_row_count"] == xdr["count"]
    assert "stats" not in graph


@pytest.mark.usefixtures("consented")
def test_a_timespan_is_the_time_that_is_looked_at(tasks: Tasks, emulator: Any) -> None:
    asked = {"tenant_id": emulator.tenant_id("contoso"), "query": "AlertInfo"}
    assert tasks.hunting(**asked, timespan="PT1S")["count"] < tasks.hunting(**asked, timespan="P30D")["count"]


@pytest.mark.usefixtures("consented")
@pytest.mark.parametrize("api", ["graph", "xdr"])
@pytest.mark.parametrize(
    ("query", "says"),
    [
        (
            "DeviceInfo\n| takee 5",
            [
                "could not be parsed at 'takee' on line [2,3]",
                "| takee 5 ^",
                "(BadRequest); provider: correct the query.",
            ],
        ),
        ("Devices", ["Devices", "Fix semantic errors in your query", "provider: correct the query"]),
        ("DeviceInfo //" + "x" * 10_000, ["exceeds the allowed size limit", "make the query smaller"]),
    ],
    ids=["syntax", "table", "length"],
)
def test_what_is_wrong_with_a_query_is_told_whole(
    tasks: Tasks, emulator: Any, api: str, query: str, says: list[str]
) -> None:
    result = tasks.hunting(tenant_id=emulator.tenant_id("contoso"), query=query, api=api)
    assert (result["failed"], result["state"], result["who"]) == (True, "error", "provider")
    assert [words for words in says if words not in result["msg"]] == []


@pytest.mark.usefixtures("consented")
@pytest.mark.parametrize("api", ["graph", "xdr"])
def test_limits_are_told_apart(tasks: Tasks, emulator: Any, fault: Callable[..., None], api: str) -> None:
    def hunt(query: str = "DeviceInfo") -> dict[str, Any]:
        return tasks.hunting(tenant_id=emulator.tenant_id("contoso"), query=query, api=api, max_wait=5)

    fault("query_timeout", "contoso", times=1)
    assert "Query exceeded the timeout period of 3 minutes (BadRequest); provider: narrow the query" in hunt()["msg"]
    fault("cpu_quota", "contoso", times=1)
    throttled = hunt()
    assert (throttled["state"], "CPU quota" in throttled["msg"]) == ("throttled", True)
    emulator.control("PATCH", "application", {"quota_per_minute": 2})
    assert [hunt()["state"] for _unused in range(2)] == ["granted", "granted"]
    throttled = hunt()
    assert (throttled["state"], "minute quota of 2 calls" in throttled["msg"]) == ("throttled", True)


@pytest.mark.usefixtures("consented")
def test_as_many_rows_as_there_can_be_are_written_and_named_so(tasks: Tasks, emulator: Any, tmp_path: Path) -> None:
    dest = tmp_path / "range.jsonl"
    asked = {"tenant_id": emulator.tenant_id("contoso"), "dest": str(dest)}
    result = tasks.hunting(query="range x from 1 to 150000 step 1", **asked)
    assert (result["state"], result["count"], result["truncated"]) == ("granted", 100_000, True)
    assert "there may be more" in result["warnings"][0]
    with dest.open() as lines:
        assert [json.loads(line)["x"] for line in lines] == list(range(1, 100_001))


@pytest.mark.usefixtures("consented")
def test_an_answer_that_is_too_large_is_none(tasks: Tasks, emulator: Any, tmp_path: Path) -> None:
    filler = f'range x from 1 to 100000 step 1 | extend filler = "{"y" * 600}"'
    dest = str(tmp_path / "large.csv")
    result = tasks.hunting(tenant_id=emulator.tenant_id("contoso"), query=filler, dest=dest)
    assert result["state"] == "error"
    assert "exceeded the allowed result size" in result["msg"]
    assert "let the query return less" in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_who_has_not_consented_to_hunting_is_told_to(tasks: Tasks, emulator: Any, consent: Callable[..., None]) -> None:
    consent("contoso", roles=["Incident.Read.All", "SecurityIncident.Read.All"])
    result = tasks.hunting(tenant_id=emulator.tenant_id("contoso"), query=DEVICES)
    assert (result["state"], result["who"]) == ("partial", "customer admin")
    assert "consent again, to ThreatHunting.Read.All" in result["msg"]


def test_jinja_never_touches_a_query_that_is_marked_or_in_a_file(hunter: Ansible) -> None:
    """In process and as a real module, and where the role hands it on."""
    (hunter.place / "templates.kql").write_text(QUERY_OF_TEMPLATES)
    play = hunter.place / "play.yml"
    play.write_text(
        f"""
- hosts: contoso
  gather_facts: false
  tasks:
    - name: Marked
      mssp.defender.defender_hunting: &marked
        tenant_id: "{{{{ partner_access_tenant_id }}}}"
        query: !unsafe '{QUERY_OF_TEMPLATES}'
    - name: File
      mssp.defender.defender_hunting: &file
        tenant_id: "{{{{ partner_access_tenant_id }}}}"
        query_file: "{hunter.place}/templates.kql"
    - name: Marked module
      mssp.defender.defender_hunting: *marked
      delegate_to: worker
    - name: File module
      mssp.defender.defender_hunting: *file
      delegate_to: worker
    - name: Role
      ansible.builtin.include_role:
        name: mssp.defender.partner_access
        tasks_from: hunt
      vars:
        partner_access_hunt_query_file: ""
        partner_access_hunt_query: !unsafe '{QUERY_OF_TEMPLATES}'
        partner_access_hunt_dest: ""
    - name: Outcomes
      ansible.builtin.debug:
        msg: "{{{{ partner_access_result.tenants[0].rows }}}}"
"""
    )
    run = hunter.playbook(str(play))
    assert run.code == 0, run.output
    for task in ("Marked", "File", "Marked module", "File module"):
        assert run.result(task)["rows"] == [{"x": 1, "Said": TEMPLATES}]
    assert run.result("Outcomes")["msg"] == [{"x": 1, "Said": TEMPLATES}]


def test_a_fleet_is_hunted_in_and_the_next_run_asks_who_did_not_finish(
    hunter: Ansible, fault: Callable[..., None], count_requests: Callable[[str], int]
) -> None:
    fault("query_timeout", "fabrikam", times=1)
    first = hunter.playbook("mssp.defender.hunt")
    assert first.code == 2, first.output
    assert "Customers: 2 granted, 1 error\n" in first.output
    assert set(found(hunter.place / "devices.csv")) == {"contoso", "tailspin"}
    title = f"2 of 3 customers have rows, which are in {hunter.place / 'devices.csv'}"
    assert {line.split()[0] for line in first.table(title)[1:]} == {"contoso", "tailspin"}
    assert count_requests("POST /v1.0/security/runHuntingQuery") == 3

    second = hunter.playbook("mssp.defender.hunt")
    assert second.code == 0, second.output
    assert count_requests("POST /v1.0/security/runHuntingQuery") == 4
    rows = found(hunter.place / "devices.csv")
    assert set(rows) == set(CUSTOMERS)
    table = {line.split()[0]: int(line.split()[1]) for line in second.table("3 of 3 customers have rows")[1:]}
    assert table == rows

    third = hunter.playbook("mssp.defender.hunt")
    assert (third.code, sum(third.recap(host)["changed"] for host in CUSTOMERS)) == (0, 0), third.output
    assert count_requests("POST /v1.0/security/runHuntingQuery") == 4
    assert found(hunter.place / "devices.csv") == rows


def test_fleets_of_their_own_settings_fill_one_file(hunter: Ansible) -> None:
    hunter.customers["tailspin"]["partner_access_concurrency"] = "2"
    hunter.variables["partner_access_hunt_dest"] = str(hunter.place / "new" / "devices.jsonl")
    for changed in (1, 0):
        run = hunter.playbook("mssp.defender.hunt")
        assert run.code == 0, run.output
        assert "Customers: 3 granted\n" in run.output
        assert bool(run.recap("contoso")["changed"]) == bool(changed)
        lines = (hunter.place / "new" / "devices.jsonl").read_text().splitlines()
        assert {json.loads(line)["tenant"] for line in lines} == set(CUSTOMERS)
        assert len(lines) == len(set(lines))


def test_check_mode_hunts_and_writes_nothing(hunter: Ansible) -> None:
    hunter.variables["partner_access_hunt_dest"] = "new/devices.csv"
    before = sorted(hunter.place.rglob("*"))
    run = hunter.playbook("mssp.defender.hunt", "--check")
    assert run.code == 0, run.output
    assert run.table(f"3 of 3 customers have rows, which would be in {hunter.place}/new/devices.csv")[1:]
    assert [path for path in sorted(hunter.place.rglob("*")) if path.name != "inventory.json"] == before


def test_another_query_does_not_go_into_the_same_file(hunter: Ansible) -> None:
    hunter.playbook("mssp.defender.hunt")
    before = (hunter.place / "devices.csv").read_bytes()
    (hunter.place / "devices.kql").write_text("DeviceInfo")
    run = hunter.playbook("mssp.defender.hunt")
    assert run.code == 2
    assert "holds the rows of another query, timespan or API: name another file, or remove this one" in run.output
    assert (hunter.place / "devices.csv").read_bytes() == before


def test_a_hunt_that_is_interrupted_is_gone_on_with(
    hunter: Ansible, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    """The last customer's answer is still to come, and a part of its rows is in the file all the same."""
    tenants = {tenant["name"]: tenant["tenant_id"] for tenant in hunter.emulator.connection["tenants"]}
    consent(*tenants, roles=ROLES)
    hunter.customers = {name: {"partner_access_tenant_id": tenant_id} for name, tenant_id in tenants.items()}
    hunter.variables["partner_access_concurrency"] = 1
    last = list(tenants)[-1]
    fault("latency", last, path="runHuntingQuery", seconds=30, times=1)
    process = hunter.start(["ansible-playbook", "-i", str(hunter.inventory()), "mssp.defender.hunt"])
    journal = hunter.place / ".devices.csv.hunt"
    deadline = time.monotonic() + 60
    while not (journal.exists() and len(journal.read_text().splitlines()) == len(tenants)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # as Ctrl-C does it: the whole group is told, and not the parent alone
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode
    with (hunter.place / "devices.csv").open("a") as table:
        table.write(f'"{last}","Wind')
    assert hunter.playbook("mssp.defender.hunt").code == 0
    rows = found(hunter.place / "devices.csv")
    assert set(rows) == set(tenants)


def test_a_full_disk_costs_no_row(hunter: Ansible) -> None:
    """A limit on the size of files stands for the disk."""
    hunter.variables["partner_access_hunt_query_file"] = ""
    hunter.variables["partner_access_hunt_query"] = "range x from 1 to 30000 step 1"
    hunter.variables["partner_access_concurrency"] = 1
    command = f"ulimit -f 1500 && exec ansible-playbook -i {hunter.inventory()} mssp.defender.hunt"
    first = hunter.run(["bash", "-c", command], {})
    assert first.code == 2, first.output
    assert f"could not be added to {hunter.place / 'hunt.csv'} (File too large)" in first.output
    kept = found(hunter.place / "hunt.csv")
    assert set(kept.values()) == {30_000}
    assert 1 <= len(kept) < 3
    assert hunter.playbook("mssp.defender.hunt").code == 0
    assert found(hunter.place / "hunt.csv") == dict.fromkeys(CUSTOMERS, 30_000)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "one of the following is required: query, query_file"),
        ({"query": "T", "query_file": "devices.kql"}, "parameters are mutually exclusive: query|query_file"),
        ({"query_file": "absent.kql"}, "query_file: {place}/absent.kql cannot be read (No such file or directory)"),
        (
            {"query_file": "latin.kql"},
            "query_file: {place}/latin.kql is not UTF-8 (byte 3 of it is none)",
        ),
        ({"query": ""}, "query: the query is empty"),
        ({"query": "T", "dest": "rows.txt"}, "dest: 'rows.txt' names no format: let it end in .jsonl (JSON Lines) or"),
        ({"query": "T", "dest": "absent/rows.csv"}, "dest: the folder {place}/absent does not exist: create it first"),
        ({"query": "T", "api": "xdr", "timespan": "P7D"}, "timespan: the Defender XDR API takes none"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value) or "nothing",
)
def test_bad_input(hunter: Ansible, options: dict[str, str], sentence: str) -> None:
    hunter.customers = {"contoso": hunter.customers["contoso"]}
    (hunter.place / "latin.kql").write_bytes("T ü".encode("latin-1"))
    before = sorted(hunter.place.rglob("*"))
    arguments = ["-a", json.dumps(options)] if options else []
    run = hunter.ad_hoc("mssp.defender.defender_hunting", *arguments)
    assert run.code == 2, run.output
    assert run.result("defender_hunting")["msg"].startswith(sentence.replace("{place}", str(hunter.place)))
    assert [path for path in sorted(hunter.place.rglob("*")) if path.name != "inventory.json"] == before
