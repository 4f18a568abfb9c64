# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tenants that a controller counts as managed nodes, from the events of real jobs, as it counts them itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.ansible_runs import PRIVATE, Ansible, run_with_runner

jq = pytest.importorskip("jq", reason="not installed: jq, the language that a controller counts in")

ROOT = Path(__file__).resolve().parents[2]
QUERIES = yaml.safe_load((ROOT / "extensions" / "audit" / "event_query.yml").read_text(encoding="utf-8"))
GROUPS = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]


def _nodes(ansible: Ansible) -> dict[str, set[str]]:
    """The tenants that each module's results name."""
    found: dict[str, set[str]] = {}
    for path in (ansible.place / PRIVATE / "artifacts").rglob("job_events/*.json"):
        data: dict[str, Any] = json.loads(path.read_text())["event_data"]
        query = QUERIES.get(data.get("resolved_action"))
        if query is None or "res" not in data:
            continue
        nodes = found.setdefault(data["resolved_action"].removeprefix("mssp.defender.defender_"), set())
        for node in jq.compile(query["query"]).input_value(data["res"]):
            assert node["name"]
            assert node["facts"]
            assert list(node["canonical_facts"]) == ["tenant_id"]
            nodes.add(node["canonical_facts"]["tenant_id"])
    return found


def test_every_module_that_enters_tenants_is_counted() -> None:
    """Computing a link enters none."""
    entering = set(GROUPS["defender"]) - {"defender_consent_url"}
    assert set(QUERIES) == {f"mssp.defender.{module}" for module in entering | {"defender_application"}}


def test_tenants_are_counted_that_a_job_had_access_to(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso")
    run = run_with_runner(ansible, "mssp.defender.verify")
    assert run.code == 0, run.output
    run = run_with_runner(ansible, "mssp.defender.incidents")
    assert run.code == 0, run.output
    contoso = {ansible.emulator.tenant_id("contoso")}
    assert _nodes(ansible) == {"token": contoso, "incidents": contoso}


def test_tenants_of_single_tasks_are_counted(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso")
    play = ansible.play(
        """
        - name: Prove
          mssp.defender.defender_token:
            tenant_id: "{{ partner_access_tenant_id | upper }}"
          ignore_errors: true
        - name: Ask
          mssp.defender.defender_hunting:
            tenant_id: "{{ partner_access_tenant_id }}"
            query: DeviceInfo | take 1
          ignore_errors: true
        - name: Register
          mssp.defender.defender_application:
            tenant_id: "{{ partner_access_home_tenant_id }}"
            unique_name: northwind-soc
            client_id: "{{ partner_access_registrar_client_id }}"
            client_secret: "{{ partner_access_registrar_client_secret }}"
          run_once: true
        """
    )
    run = run_with_runner(ansible, play)
    assert run.code == 0, run.output
    contoso = {ansible.emulator.tenant_id("contoso")}
    assert _nodes(ansible) == {
        "token": contoso,
        "hunting": contoso,
        "application": {ansible.emulator.home_tenant_id},
    }
